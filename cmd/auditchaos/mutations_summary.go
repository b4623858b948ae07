package main

const (
	fileSummary = "pkg/forwarder/summary.go"
	fileTake    = "pkg/forwarder/take.go"
	fileNote    = "pkg/summary/note.go"
)

// summaryMistakes are about what is counted and not sent.
func summaryMistakes() []mutation {
	return []mutation{
		{name: "summary-note-forgets", why: "the note beside an offset forgets the open window", where: counting, edit: []edit{
			{fileSummary, "	return s.win.Note(s.rules).String()\n", "	return ``\n"},
		}},
		{name: "summary-note-too-early", why: "the note says that a window is closed while its summaries are not out", where: counting, edit: []edit{
			{fileSummary, "	s.pouring = true\n	l := s.l\n", "	s.pouring = true\n	l := s.l\n	s.win.Sent(s.at)\n"},
		}},
		{name: "summary-not-sent", why: "a window closes without its summaries", where: counting, edit: []edit{
			{fileSummary, "	for s.win.Left() {\n", "	for s.held == nil && s.win.Left() {\n"},
		}},
		{name: "summary-quiet-for-ever", why: "what a silent partition has counted is not sent", where: counting, edit: []edit{
			{fileSummary, "	if s.win.Due() && !s.armed {\n", "	if false && s.win.Due() && !s.armed {\n"},
		}},
		{name: "summary-not-read-again", why: "the next owner does not go back to the window's start", where: restarting, edit: []edit{
			{fileNote, "		return min(n.Start, committed)\n", "		return committed\n"},
		}},
		{name: "summary-reread-is-sent", why: "what is read again for a window is sent again", where: restarting, edit: []edit{
			{fileTake, "	if rec.Offset < l.claim.Committed {\n", "	if rec.Offset < l.claim.Start {\n"},
		}},
		{name: "summary-id-by-chance", why: "a window that is read again has another name", where: restarting, edit: []edit{
			{fileNote, "	w.open, w.start, w.end, w.sent, w.changed = true, n.Start, n.End, n.Sent, changed\n", "	w.open, w.start, w.end, w.sent, w.changed = true, max(n.Start, n.Sent), n.End, n.Sent, changed\n"},
		}},
	}
}

// Which plans can show such a mistake.
func counting(p plan) bool { return p.Noise.On }

func restarting(p plan) bool {
	return p.Noise.On && (p.Noise.End == doKill || p.Noise.End == doStop)
}
