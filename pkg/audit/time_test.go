package audit

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

func TestAppendEpoch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"1970-01-01T00:00:00Z", "0.000"},
		{"2020-12-06T13:39:03Z", "1607261943.000"},
		{"2021-01-01T12:34:56.789Z", "1609504496.789"},
		{"2023-12-01T18:14:20.929608274Z", "1701454460.929608274"},
		{"2023-12-01T18:14:20.929608274999Z", "1701454460.929608274"},
		{"2026-11-01t00:00:00.5z", "1793491200.5"},
		{"2026-11-01T02:00:00.25+02:00", "1793491200.25"},
		{"2026-10-31T18:30:00-05:30", "1793491200.000"},
		{"2024-02-29T00:00:00Z", "1709164800.000"},
		{"2016-12-31T23:59:60Z", "1483228800.000"},
		{"9999-12-31T23:59:59Z", "253402300799.000"},
	} {
		got, ok := AppendEpoch([]byte("x"), []byte(tc.in))
		if !ok || string(got) != "x"+tc.want {
			t.Errorf("%s: %q, %v; want %q", tc.in, got, ok, tc.want)
		}
	}
	for _, in := range []string{
		"", "now", "+999999999-12-31T23:59:59.999999999-18:00", "2026-11-01", "2026-11-01T00:00:00",
		"2026-11-01 00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"2026-11-01T24:00:00Z", "2026-11-01T00:60:00Z", "2026-11-01T00:00:61Z", "2026-11-01T00:00:00.Z",
		"2026-11-01T00:00:00+0200", "2026-11-01T00:00:00+24:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
		"2026-11-01T00:00:00Zx", "2026-11-0aT00:00:00Z", "2026-11-01T00:00:00.12x4Z", "2026-11-01T00:00:00.1",
	} {
		if got, ok := AppendEpoch([]byte("x"), []byte(in)); ok || string(got) != "x" {
			t.Errorf("%q was taken as %q", in, got)
		}
	}
}

// TestAppendEpochAgreesWithTime compares random moments with package time.
func TestAppendEpochAgreesWithTime(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		at := time.Unix(r.Int64N(253402300799-200000), r.Int64N(1e9)).In(time.FixedZone("", r.IntN(50)*1800-43200))
		got, ok := AppendEpoch(nil, []byte(at.Format("2006-01-02T15:04:05.000000000Z07:00")))
		want := fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond())
		if at.Unix() >= 0 && (!ok || string(got) != want) {
			t.Fatalf("%s: %q, %v; want %q", at.Format(time.RFC3339Nano), got, ok, want)
		}
	}
}

func TestAppendEpochTime(t *testing.T) {
	t.Parallel()
	if got := string(AppendEpochTime(nil, time.UnixMilli(1793491200007))); got != "1793491200.007" {
		t.Error(got)
	}
}

func BenchmarkAppendEpoch(b *testing.B) {
	in := []byte("2023-12-01T18:14:20.929608274Z")
	buf := make([]byte, 0, 64)
	b.Run("AppendEpoch", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = AppendEpoch(buf[:0], in)
		}
	})
	b.Run("baseline=time.Parse", func(b *testing.B) {
		for b.Loop() {
			at, err := time.Parse(time.RFC3339Nano, string(in))
			if err != nil {
				b.Fatal(err)
			}
			buf = strconv.AppendInt(buf[:0], at.Unix(), 10)
			buf = append(buf, '.')
			buf = strconv.AppendInt(buf, int64(at.Nanosecond()), 10)
		}
	})
}
