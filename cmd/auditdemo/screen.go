package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"
)

// style is an ANSI attribute.
type style string

const (
	bold   style = "\x1b[1m"
	faint  style = "\x1b[2m"
	red    style = "\x1b[31m"
	green  style = "\x1b[32m"
	yellow style = "\x1b[33m"
	plain  style = ""
)

const (
	margin     = "   "
	pipeWidth  = 110 // of lines that go elsewhere than to a terminal
	leastWidth = 60
	plainEvery = time.Second // between status lines, where they cannot be redrawn
)

// screen writes for people. On a terminal the status line is drawn in place;
// elsewhere a line is written about once a second.
type screen struct {
	w      io.Writer
	live   bool
	colour bool
	width  func() int

	mu     sync.Mutex
	status string    // the last status line
	drawn  bool      // it stands on the terminal, with the cursor behind it
	owed   bool      // it was not written
	last   time.Time // when one was written
}

func newScreen(w io.Writer, noColor bool) *screen {
	s := &screen{w: w, width: func() int { return pipeWidth }}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return s
	}
	s.live = true
	s.colour = !noColor && os.Getenv("NO_COLOR") == ""
	s.width = func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return pipeWidth
		}
		return max(leastWidth, width-1) // the last column may wrap
	}
	return s
}

func (s *screen) paint(st style, text string) string {
	if !s.colour || st == plain {
		return text
	}
	return string(st) + text + "\x1b[0m"
}

// title begins a phase.
func (s *screen) title(text string) { s.lines("", s.paint(bold, text)) }

// say writes text, indented and broken between words.
func (s *screen) say(format string, args ...any) { s.styled(plain, fmt.Sprintf(format, args...)) }

// styled is say in a style.
func (s *screen) styled(st style, text string) {
	var all []string
	for _, line := range wrap(text, s.width()-len(margin)) {
		all = append(all, margin+s.paint(st, line))
	}
	s.lines(all...)
}

// verdict writes the last word. It is one line where a program may look for it.
func (s *screen) verdict(st style, text string) {
	all := []string{text}
	if s.live {
		all = wrap(text, s.width())
	}
	s.lines("")
	for _, line := range all {
		s.lines(s.paint(st, line))
	}
}

// labelled writes text behind a label, broken between words.
func (s *screen) labelled(label, text string) {
	s.beside(label, wrap(text, s.width()-len(margin)-len(label)))
}

// beside writes lines below each other, the first behind a label.
func (s *screen) beside(label string, lines []string) {
	for _, line := range lines {
		s.lines(margin + s.paint(faint, label) + line)
		label = strings.Repeat(" ", len(label))
	}
}

// styledLine writes one line that is not broken.
func (s *screen) styledLine(st style, text string) {
	s.lines(margin + s.paint(st, clip(text, s.width()-len(margin))))
}

// warn writes one line in short.
func (s *screen) warn(text string) {
	s.styledLine(yellow, text)
}

// lines writes lines as they are, above the status line.
func (s *screen) lines(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.write(strings.Join(lines, "\n") + "\n")
	if s.live && s.status != "" {
		s.write(s.status)
		s.drawn = true
	}
}

// begin puts the first status line off for a moment: it would say what the
// phase before has just said.
func (s *screen) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
}

// show renews the status line; tail is its last part, in a style.
func (s *screen) show(line string, st style, tail string) {
	width := s.width()
	line = clip(margin+line, width)
	if room := width - utf8.RuneCountInString(line) - 2; room > 0 {
		line += "  " + s.paint(st, clip(tail, room))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = line
	switch {
	case s.live:
		s.erase()
		s.write(line)
		s.drawn = true
	case time.Since(s.last) >= plainEvery:
		s.write(line + "\n")
		s.last, s.owed = time.Now(), false
	default:
		s.owed = true
	}
}

// settle ends the status line, which stays with its last text.
func (s *screen) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drawn {
		s.write("\n")
	}
	if s.owed {
		s.write(s.status + "\n")
	}
	s.status, s.drawn, s.owed = "", false, false
}

func (s *screen) erase() {
	if s.drawn {
		s.write("\r\x1b[K")
		s.drawn = false
	}
}

// write ignores errors: if the screen is gone, nobody can be told.
func (s *screen) write(text string) { _, _ = io.WriteString(s.w, text) }

// clip cuts text that is too long for one line.
func clip(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-1)]) + "…"
}

// wrap breaks text between words. A word that is too long stays whole.
func wrap(text string, width int) []string {
	var all []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			all = append(all, line)
			line = word
		}
	}
	return append(all, line)
}

func comma[N int | int64](n N) string { return humanize.Comma(int64(n)) }

// counted returns, for example, "1 duplicate" or "2,000 duplicates".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return comma(n) + " " + noun + "s"
}
