package main

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// gap stands for what was left out.
const gap = "…"

// shorten makes a JSON object fit some lines of a width: it leaves out the
// longest members first, whole, until the rest fits. What is left has all its
// brackets, and no key or value is cut, nor broken between lines.
func shorten(json []byte, width, lines int) []string {
	pieces := split(json)
	for {
		text := layOut(pieces, width)
		longest := -1
		for i, p := range pieces {
			if isMember(p) && (longest < 0 || weight(p) > weight(pieces[longest])) {
				longest = i
			}
		}
		if longest < 0 || len(text) <= lines && utf8.RuneCountInString(pieces[longest]) <= width {
			return text
		}
		pieces[longest] = gap
		pieces = fold(pieces)
	}
}

// layOut fills lines with whole pieces.
func layOut(pieces []string, width int) []string {
	var all []string
	line := ""
	for _, p := range pieces {
		if line != "" && utf8.RuneCountInString(line)+utf8.RuneCountInString(p) > width {
			all = append(all, line)
			line = ""
		}
		line += p
	}
	return append(all, line)
}

// weight is a piece's length. An element of a list weighs more than a member
// with a key, which says more.
func weight(piece string) int {
	if !strings.Contains(piece, `":`) {
		return len(piece) + 40
	}
	return len(piece)
}

// split cuts a JSON text behind each comma and each opening bracket, and
// before each closing one.
func split(json []byte) []string {
	var pieces []string
	from := 0
	cut := func(at int) {
		if at > from {
			pieces = append(pieces, string(json[from:at]))
			from = at
		}
	}
	for i := 0; i < len(json); i++ {
		switch json[i] {
		case '"':
			for i++; i < len(json) && json[i] != '"'; i++ {
				if json[i] == '\\' {
					i++
				}
			}
		case ',', '{', '[':
			cut(i + 1)
		case '}', ']':
			cut(i)
		}
	}
	cut(len(json))
	return pieces
}

func opens(piece string) bool { return strings.HasSuffix(piece, "{") || strings.HasSuffix(piece, "[") }

func closes(piece string) bool { return strings.HasPrefix(piece, "}") || strings.HasPrefix(piece, "]") }

// isMember reports whether a piece is a member or an element without others
// inside it.
func isMember(piece string) bool { return piece != gap && !opens(piece) && !closes(piece) }

// fold makes one gap of neighbouring ones, and of a member in which nothing
// but a gap is left.
func fold(pieces []string) []string {
	for i := 0; i < len(pieces); i++ {
		if pieces[i] != gap {
			continue
		}
		for i+1 < len(pieces) && pieces[i+1] == gap {
			pieces = slices.Delete(pieces, i, i+1)
		}
		if i > 1 && i+2 < len(pieces) && opens(pieces[i-1]) && closes(pieces[i+1]) {
			pieces = slices.Replace(pieces, i-1, i+2, gap)
			i = max(-1, i-3) // the new gap may meet another one before it
		}
	}
	return pieces
}
