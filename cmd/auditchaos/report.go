package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// The forms of output.
const (
	outputText = "text"
	outputJSON = "json"
)

// report writes a line for each run and a summary.
type report struct {
	w     io.Writer
	json  bool
	began time.Time

	Runs         int     `json:"runs"`
	Failed       int     `json:"failed"`
	Unplayed     int     `json:"unplayed"` // of the failed: those that could not be made
	Accepted     int     `json:"accepted"`
	DeadLettered int     `json:"dead_lettered"`
	Duplicates   int     `json:"duplicates"`
	Causes       causes  `json:"causes"`
	Bound        int     `json:"bound"`
	Lost         int     `json:"lost"`
	LostReplies  int     `json:"lost_replies"`
	Noise        int     `json:"noise"` // records that were summed up
	Summaries    int     `json:"summaries"`
	Again        int     `json:"summaries_again"` // of the same window, key and end
	Seconds      float64 `json:"seconds"`
}

func newReport(w io.Writer, form string) *report {
	r := &report{w: w, json: form == outputJSON, began: time.Now(), Causes: causes{}}
	if !r.json {
		_, _ = fmt.Fprintf(w, "%6s %9s %5s %10s %6s %5s %6s  %s\n", "seed", "accepted", "dead", "duplicates", "bound", "lost", "time", "faults") // as below
	}
	return r
}

// add tells of one run. What cannot be written is noticed by whoever reads.
func (r *report) add(o outcome) {
	r.Runs++
	r.Accepted += o.Accepted
	r.DeadLettered += o.DeadLettered
	r.Duplicates += o.Duplicates
	for why, n := range o.Causes {
		r.Causes[why] += n
	}
	r.Bound += o.Bound
	r.Lost += o.Lost
	r.LostReplies += o.LostReplies
	r.Noise += o.Noise
	r.Summaries += o.Summaries
	r.Again += o.SummariesAgain
	if o.err != nil {
		r.Unplayed++
		o.Violations = append(o.Violations, "the run could not be played: "+o.err.Error())
	}
	if !o.ok() {
		r.Failed++
	}
	if r.json {
		line, err := json.Marshal(o.result)
		if err == nil {
			_, _ = r.w.Write(append(line, '\n'))
		}
		return
	}
	_, _ = fmt.Fprintf(r.w, "%6d %9d %5d %10d %6d %5d %5.1fs  %s\n", o.Seed, o.Accepted, o.DeadLettered, o.Duplicates, o.Bound, o.Lost, o.Seconds, o.Faults)
	for _, v := range o.Violations {
		_, _ = fmt.Fprintf(r.w, "       VIOLATION: %s\n", v)
	}
	if o.Folder != "" {
		_, _ = fmt.Fprintf(r.w, "       kept: %s\n", o.Folder)
	}
}

// end writes the summary.
func (r *report) end() {
	r.Seconds = time.Since(r.began).Seconds()
	if r.json {
		line, err := json.Marshal(r)
		if err == nil {
			_, _ = r.w.Write(append(line, '\n'))
		}
		return
	}
	_, _ = fmt.Fprintf(r.w, "\n%d runs, %d failed, in %.0fs: %d accepted, %d dead-lettered, %d lost, %d duplicates (bound %d; %d answers got lost)\n%d more summed up in %d summaries, of which %d came again\n%s\n",
		r.Runs, r.Failed, r.Seconds, r.Accepted, r.DeadLettered, r.Lost, r.Duplicates, r.Bound, r.LostReplies, r.Noise, r.Summaries, r.Again, r.Causes)
}

// writeReport keeps a result beside the run's logs.
func writeReport(path string, res result) error {
	text, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the result: %w", err)
	}
	return nil
}
