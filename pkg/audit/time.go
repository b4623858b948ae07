package audit

import (
	"strconv"
	"time"
)

// AppendEpoch appends an RFC 3339 time as seconds since 1970 with a decimal
// fraction, the form that Splunk takes, and reports whether it could. The
// fraction keeps the digits that the event has, at most nine, and is written
// even when it is zero: Splunk guesses the unit of a whole number from its
// size, but never that of a decimal one.
//
// Times before 1970 or after the year 9999 are refused, as is everything that
// is not RFC 3339: one documented event has the year +999999999.
//
// It is written out because time.Parse plus formatting cost twice as much for
// every event (BenchmarkAppendEpoch).
func AppendEpoch(dst, rfc3339 []byte) ([]byte, bool) {
	s := rfc3339
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' ||
		s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return dst, false
	}
	year, ok1 := number(s[0:4])
	month, ok2 := number(s[5:7])
	day, ok3 := number(s[8:10])
	hour, ok4 := number(s[11:13])
	minute, ok5 := number(s[14:16])
	second, ok6 := number(s[17:19])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 60 { // 60: a leap second, as the next one
		return dst, false
	}
	var fraction []byte
	rest := s[19:]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if fraction, rest = rest[1:n], rest[n:]; len(fraction) == 0 {
			return dst, false
		}
	}
	offset, ok := zone(rest)
	if !ok {
		return dst, false
	}
	epoch := int64(daysSince1970(year, month, day))*86400 + int64(hour*3600+minute*60+second) - int64(offset)
	if epoch < 0 {
		return dst, false
	}
	dst = strconv.AppendInt(dst, epoch, 10)
	dst = append(dst, '.')
	switch {
	case len(fraction) == 0:
		dst = append(dst, "000"...)
	case len(fraction) > 9:
		dst = append(dst, fraction[:9]...)
	default:
		dst = append(dst, fraction...)
	}
	return dst, true
}

// AppendEpochTime appends a time with milliseconds, the resolution of a Kafka
// record's timestamp.
func AppendEpochTime(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	dst = strconv.AppendInt(dst, ms/1000, 10)
	frac := ms % 1000
	return append(dst, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
}

// zone reads Z or ±hh:mm and returns seconds east of UTC.
func zone(s []byte) (int, bool) {
	if len(s) == 1 && s[0]|0x20 == 'z' {
		return 0, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hours, ok1 := number(s[1:3])
	minutes, ok2 := number(s[4:6])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, false
	}
	seconds := hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// number reads digits only.
func number(s []byte) (n int, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts days of the Gregorian calendar. It lets the year begin
// in March, so that the leap day is the last one of its year.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469
}
