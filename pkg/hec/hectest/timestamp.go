package hectest

import (
	"bytes"
	"strconv"
	"time"
)

// readTime reads an envelope's time: a JSON number, or a string that holds a
// decimal number. Absent is good and zero.
func readTime(v []byte) (time.Time, bool) {
	if v == nil {
		return time.Time{}, true
	}
	if v[0] == '"' {
		return parseTime(v[1 : len(v)-1])
	}
	return parseTime(v)
}

// parseTime takes the unit from the number of integer digits: seconds, then
// milliseconds (13 digits), microseconds, nanoseconds (19). Splunk keeps
// microseconds and drops the rest.
func parseTime(text []byte) (time.Time, bool) {
	if end := skipNumber(text, 0); end != len(text) {
		return time.Time{}, false
	}
	neg := text[0] == '-'
	if neg {
		text = text[1:]
	}
	digits := 0
	for digits < len(text) && text[digits] != '.' && text[digits]|0x20 != 'e' {
		digits++
	}
	if digits > 19 || bytes.ContainsAny(text, "eE") {
		return parseOddTime(text, neg)
	}
	var whole uint64 // holds any 19 digits
	for _, c := range text[:digits] {
		whole = whole*10 + uint64(c-'0')
	}
	var micros int64
	switch {
	case digits <= 11:
		micros = int64(whole) * 1_000_000
		if digits < len(text) {
			unit := int64(100_000)
			for _, c := range text[digits+1:] {
				micros += int64(c-'0') * unit
				unit /= 10
			}
		}
	case digits <= 14:
		micros = int64(whole) * 1000
	case digits <= 17:
		micros = int64(whole)
	default:
		micros = int64(whole / 1000)
	}
	if neg {
		micros = -micros
	}
	return time.UnixMicro(micros).UTC(), true
}

// parseOddTime reads exponents and more digits than nanoseconds have.
func parseOddTime(text []byte, neg bool) (time.Time, bool) {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f > 1e12 { // a year no clock shows
		return time.Time{}, false
	}
	micros := int64(f * 1e6)
	if neg {
		micros = -micros
	}
	return time.UnixMicro(micros).UTC(), true
}
