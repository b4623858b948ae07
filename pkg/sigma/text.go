package sigma

import (
	"encoding/binary"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// lower folds an ASCII letter; other bytes stay.
func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

// foldRune gives the characters that differ in case only one and the same
// character: that with the lowest number, and of ASCII letters the small one.
// These are Unicode's simple foldings, as in package regexp.
func foldRune(r rune) rune {
	low := r
	if r >= utf8.RuneSelf {
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			low = min(low, next)
		}
	}
	if low-'A' < 26 && low >= 'A' {
		low |= 0x20
	}
	return low
}

// appendFolded appends s with its characters folded; what is not UTF-8 becomes
// U+FFFD.
func appendFolded(to, s []byte) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		to = utf8.AppendRune(to, foldRune(r))
		i += n
	}
	return to
}

// isPlain reports whether s has neither a backslash nor a byte outside ASCII,
// so that a string's content is its text.
func isPlain(s []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for len(s) >= 8 {
		x := binary.LittleEndian.Uint64(s)
		slash := x ^ (ones * '\\')
		if (x|(slash-ones)&^slash)&highs != 0 {
			return false
		}
		s = s[8:]
	}
	for _, c := range s {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendDecoded appends the text of a JSON string's content. As encoding/json
// it puts U+FFFD where there is no UTF-8 or half of a surrogate pair.
func appendDecoded(to, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if s[i+1] != 'u' {
				to = append(to, unescape(s[i+1]))
				i += 2
				continue
			}
			r := hex4(s[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u' {
					second = hex4(s[i+2:])
				}
				if r = utf16.DecodeRune(r, second); r != unicode.ReplacementChar {
					i += 6
				}
			}
			to = utf8.AppendRune(to, r)
		case c < utf8.RuneSelf:
			to = append(to, c)
			i++
		default:
			r, n := utf8.DecodeRune(s[i:])
			to = utf8.AppendRune(to, r)
			i += n
		}
	}
	return to
}

func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// hex4 reads four hexadecimal digits, -1 where there are none.
func hex4(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case lower(c) >= 'a' && lower(c) <= 'f':
			c = lower(c) - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
