package forwarder

import "auditlog-forwarder/pkg/summary"

// summaryRules returns what the filter's rules that summarise are; empty: there
// are none.
func (f *Forwarder) summaryRules() string {
	if s, ok := f.opts.Filter.(Summariser); ok {
		return s.SummaryRules()
	}
	return ""
}

// Rewind says where reading of a partition begins that is committed up to an
// offset, with the note beside it: earlier, if a window of summaries was open.
func (f *Forwarder) Rewind(_ string, _ int32, committed int64, note string) int64 {
	if f.summaryRules() == "" {
		return committed
	}
	return summary.Rewind(committed, note)
}

// Owes reports whether records below an offset are counted and in no summary
// yet, though they are committed, by the note beside the committed offset. A lane
// that reads them again sends it.
func (f *Forwarder) Owes(until int64, note string) bool {
	if f.summaryRules() == "" {
		return false
	}
	n, err := summary.ParseNote(note)
	return err == nil && n.Unsent > 0 && max(n.Start, n.Sent) < until
}

// SummaryMemory is about the most that one lane holds of an open window.
func (f *Forwarder) SummaryMemory() int {
	if f.summaryRules() == "" {
		return 0
	}
	return summary.MaxBytes
}
