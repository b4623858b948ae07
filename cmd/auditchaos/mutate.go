package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// mutation is a mistake that somebody could make, as exact replacements in
// the product's files.
type mutation struct {
	name string
	why  string // what the mistake is
	edit []edit
	// where says which plans can show it; nil: all.
	where func(plan) bool
}

// mutantPatience is how long nothing may move in a run with a mistake: a
// confirmation that never comes, twice.
const mutantPatience = 12 * time.Second

// edit replaces a text that stands once in a file.
type edit struct{ file, old, new string }

func newMutationsCommand(o *options) *cobra.Command {
	var runs int
	var only string
	var tally bool
	cmd := &cobra.Command{
		Use:   "mutations",
		Short: "Prove that the suite can fail: play it against a product with a mistake",
		Long: `mutations builds the product once for each mistake of a table, with some of its
text replaced, and plays seeds until a run breaks a promise. A mistake that no
seed finds makes the exit code 1, and so does a text that is not there any more.
With --tally all the seeds are played, to see how many find it.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.mutate(cmd, runs, only, tally)
		},
	}
	cmd.Flags().IntVar(&runs, "runs", shortRuns, "most seeds for a mistake")
	cmd.Flags().StringVar(&only, "only", "", "play the mistakes whose names contain one of these `texts`")
	cmd.Flags().BoolVar(&tally, "tally", false, "play all seeds for a mistake, and tell how many find it")
	return cmd
}

func (o *options) mutate(cmd *cobra.Command, runs int, only string, tally bool) (err error) {
	s, end, err := o.suite()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	s.patience = min(s.patience, mutantPatience)
	s.brokers.warm(cmd.Context())
	alive, played, began := 0, 0, time.Now()
	out := cmd.OutOrStdout()
	list := slices.DeleteFunc(mutations(), func(m mutation) bool { return !matches(m.name, only) })
	mutants, stop := s.mutants(cmd.Context(), list)
	defer func() { err = errors.Join(err, stop()) }()
	for start := began; played < len(list); start = time.Now() {
		m, ok := <-mutants
		if !ok {
			return context.Cause(cmd.Context())
		}
		played++
		found, err := s.against(cmd.Context(), m, m.seeds(runs), o.parallel, tally)
		switch {
		case err != nil:
			return fmt.Errorf("mistake %s: %w", m.name, err)
		case found.first == nil:
			alive++
			_, _ = fmt.Fprintf(out, "%-26s SURVIVED %d seeds: %s\n", m.name, runs, m.why)
		default:
			_, _ = fmt.Fprintf(out, "%-26s caught by seed %-4d in %2.0fs: %s\n%-26s   saw: %s\n",
				m.name, found.first.Seed, time.Since(start).Seconds(), m.why, "", shorten(found.first.Violations[0]))
			if tally {
				_, _ = fmt.Fprintf(out, "%-26s   found by %d of %d seeds\n", "", found.caught, found.played)
			}
		}
	}
	_, _ = fmt.Fprintf(out, "\n%d mistakes, %d survived, in %.0fs\n", played, alive, time.Since(began).Seconds())
	if alive > 0 {
		return fmt.Errorf("%d mistakes were not found", alive)
	}
	return nil
}

// seeds returns the first seeds whose plans can show the mistake. A broker that
// starts again on a busy machine takes longer than mutantPatience.
func (m mutation) seeds(runs int) (seeds []uint64) {
	for seed := uint64(1); len(seeds) < runs; seed++ {
		if p := makePlan(seed); !p.ownBroker() && (m.where == nil || m.where(p)) {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// shorten keeps a line readable.
func shorten(text string) string {
	const most = 160
	if len(text) > most {
		return text[:most] + " ..."
	}
	return text
}

// matches reports whether a name contains one of some texts, split by commas.
func matches(name, texts string) bool {
	return slices.ContainsFunc(strings.Split(texts, ","), func(text string) bool { return strings.Contains(name, text) })
}

// findings is what came of playing seeds against a mistake.
type findings struct {
	first  *result // the first run that broke a promise; nil: none did
	caught int
	played int
}

// mutant is the product with a mistake.
type mutant struct {
	mutation
	dir string // of its binary and its runs
	err error  // why there is none
}

func (m mutant) binary() string { return filepath.Join(m.dir, "mutant") }

// mutants builds them in turn, the next one while one is played, which is mostly
// waiting. Whoever takes them calls stop. They end early only with ctx.
func (s *suite) mutants(ctx context.Context, list []mutation) (made <-chan mutant, stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	all := make(chan mutant)
	var work sync.WaitGroup
	dir := filepath.Join(s.dir, "mutations")
	work.Go(func() {
		defer close(all)
		for _, m := range list {
			one := mutant{mutation: m, dir: filepath.Join(dir, m.name)}
			one.err = m.build(ctx, one.dir, one.binary())
			select {
			case all <- one:
			case <-ctx.Done():
				return
			}
		}
	})
	return all, func() error {
		cancel()
		work.Wait()
		return os.RemoveAll(dir)
	}
}

func (m mutation) build(ctx context.Context, dir, binary string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder for it: %w", err)
	}
	overlay, err := m.overlay(ctx, dir)
	if err != nil {
		return err
	}
	return build(ctx, binary, overlay, false)
}

// against plays seeds against a mutant, until a run breaks a promise, or all of
// them.
func (s *suite) against(ctx context.Context, m mutant, seeds []uint64, parallel int, all bool) (found findings, err error) {
	if m.err != nil {
		return found, m.err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(m.dir)) }()
	with := *s
	with.binary, with.dir = m.binary(), m.dir
	with.runSeeds(ctx, seeds, parallel, func(out outcome) bool {
		if out.err != nil {
			err = errors.Join(err, out.err)
			return false
		}
		found.played++
		if out.ok() {
			return true
		}
		if found.caught++; found.first == nil {
			found.first = &out.result
		}
		return all
	})
	return found, errors.Join(err, context.Cause(ctx))
}

// overlay writes the changed files and the list of them that the go command
// reads, so that the checkout is left alone.
func (m mutation) overlay(ctx context.Context, dir string) (path string, err error) {
	text, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	root := strings.TrimSpace(string(text))
	changed := map[string]string{}
	for _, e := range m.edit {
		file := filepath.Join(root, filepath.FromSlash(e.file))
		before, ok := changed[file]
		if !ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			before = string(text)
		}
		if n := strings.Count(before, e.old); n != 1 {
			return "", fmt.Errorf("%s holds this text %d times, want once; the product has changed, so change the table too:\n%s", e.file, n, e.old)
		}
		changed[file] = strings.Replace(before, e.old, e.new, 1)
	}
	list := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		other := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, root), string(filepath.Separator), "_"))
		if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
			return "", err
		}
		list.Replace[file] = other
	}
	data, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}
