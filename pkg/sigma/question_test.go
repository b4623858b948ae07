package sigma

import (
	"net/netip"
	"testing"
)

// TestInRange holds inRange equal to net/netip.
func TestInRange(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"10.1.2.3", "0.0.0.0", "255.255.255.255", "10.0.0.10", "10.01.2.3", "10.00.2.3", "256.1.1.1", "10.1.2", "10.1.2.", ".1.2.3", "10..2.3",
		"1.2.3.4.5", "1.2.3.4 ", "", "1.2.3.a", "1234.1.1.1", "10.1.2.3:80", "::", "::1", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:db8::g",
		"::ffff:10.1.2.3", "1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "aa:bb:cc:dd:ee:ff",
	} {
		for _, p := range []string{"10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "255.255.255.255/32"} {
			prefix := netip.MustParsePrefix(p)
			addr, err := netip.ParseAddr(text)
			want := err == nil && prefix.Contains(addr.Unmap())
			if got := inRange([]byte(text), prefix); got != want {
				t.Errorf("%q in %s: %t, want %t", text, p, got, want)
			}
		}
	}
}
