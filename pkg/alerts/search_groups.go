package alerts

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxValues bounds how many different values of a subject a group's row lists.
const maxValues = 10

// threshold counts the events of each group. An event without a subject of by
// is in the group of those without.
func (p *pipeline) threshold(t Threshold) {
	p.fill(t.By)
	stats := []string{"count"}
	where := "| where count>=" + strconv.FormatInt(t.Count, 10)
	if t.Distinct != "" {
		stats = append(stats, "dc("+t.Distinct+") as "+DistinctWord)
		where += " AND " + DistinctWord + ">=" + strconv.FormatInt(t.DistinctCount, 10)
	}
	stats = append(stats, "max(_time) as _time")
	p.stats(append(stats, p.listed(t.By)...), t.By)
	p.add("%s", where)
	p.join(t.By)
}

// newOnes keeps groups all of whose events were indexed since the last run.
// Of an event without one of the subjects nothing new can be said.
func (p *pipeline) newOnes(n New) {
	var there []string
	for _, name := range n.By {
		there = append(there, "isnotnull("+name+")")
	}
	p.add("| where %s", strings.Join(there, " AND "))
	p.stats(append([]string{"count", "min(_indextime) as first_indexed", "max(_time) as _time"}, p.listed(n.By)...), n.By)
	p.add("| addinfo")
	p.add("| where first_indexed>=%s AND count>=%d", p.since(), n.Count)
	p.join(n.By)
}

// spike counts in bins of the events' own time, so that events that come late
// and all at once are none, and judges those to which the last run has added.
func (p *pipeline) spike(s Spike) {
	p.fill(s.By)
	p.add("| bin _time span=%s", Span(s.Bin))
	by := append([]string{"_time"}, s.By...)
	p.stats(append([]string{"count", "max(_indextime) as last_indexed"}, p.listed(s.By)...), by)
	p.add("| eval square=count*count")
	over := "| eventstats sum(count) as total, sum(square) as squares"
	if len(s.By) > 0 {
		over += " by " + strings.Join(s.By, " ")
	}
	p.add("%s", over)
	bins := int64(s.Over / s.Bin) // those without events have no row, and count as 0
	p.add("| eval mean=total/%d, variance=squares/%d-mean*mean, deviation=sqrt(if(variance>0, variance, 0))", bins, bins)
	p.add("| addinfo")
	p.add("| where count>=%d AND count>mean+%s*deviation AND last_indexed>=%s", s.Count, strconv.FormatFloat(s.Deviations, 'g', -1, 64), p.since())
	p.add("| eval mean=round(mean, 2), deviation=round(deviation, 2)")
	p.join(s.By)
}

// since is the index time from which on events are of the run at hand. The end
// of the search's time range lies ahead of the time for which the run was planned,
// however late it starts.
func (p *pipeline) since() string {
	return "floor(info_max_time/60)*60-" + strconv.FormatInt(seconds(p.ahead+lag+p.a.Every), 10)
}

func (p *pipeline) fill(by []string) {
	if len(by) > 0 {
		p.add("| fillnull value=%s %s", unknown, strings.Join(by, " "))
	}
}

func (p *pipeline) stats(what, by []string) {
	line := "| stats " + strings.Join(what, ", ")
	if len(by) > 0 {
		line += " by " + strings.Join(by, " ")
	}
	p.add("%s", line)
}

// listed are the subjects of a group's events that it is not grouped by, and a
// sample of the events.
func (p *pipeline) listed(by []string) (stats []string) {
	for _, name := range p.without(by) {
		stats = append(stats, "values("+name+") as "+name)
	}
	return append(stats, "first(_raw) as "+EventColumn)
}

// join makes one text of each list.
func (p *pipeline) join(by []string) {
	var evals []string
	for _, name := range p.without(by) {
		evals = append(evals, name+"=mvjoin(mvindex("+name+", 0, "+strconv.Itoa(maxValues-1)+"), \", \")")
	}
	if evals = slices.Clip(evals); len(evals) > 0 {
		p.add("| eval %s", strings.Join(evals, ", "))
	}
}

// lag is how long Splunk is given to make events searchable that it has
// indexed. A run looks at what was indexed up to lag before it.
const lag = 3 * time.Minute
