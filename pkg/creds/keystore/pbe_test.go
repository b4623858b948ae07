package keystore

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// TestRC2 holds the cipher against two vectors of RFC 2268, section 5, whose keys'
// bits all count.
func TestRC2(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ key, plain, sealed string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(v.key)
		sealed, _ := hex.DecodeString(v.sealed)
		got := make([]byte, 8)
		newRC2(key).Decrypt(got, sealed)
		if hex.EncodeToString(got) != v.plain {
			t.Errorf("key %s: %x decrypts to %x, want %s", v.key, sealed, got, v.plain)
		}
	}
	seen := map[byte]bool{}
	for _, b := range []byte(piTable) {
		seen[b] = true
	}
	if len(seen) != 256 {
		t.Errorf("the table has %d different bytes, want 256", len(seen))
	}
}

// TestBudget: what is spent adds up over a whole store.
func TestBudget(t *testing.T) {
	t.Parallel()
	b := budget{left: 100}
	for _, step := range []struct {
		rounds, blocks int
		want           error
	}{
		{30, 2, nil},
		{41, 1, ErrUnsupported},
		{20, 2, nil},
		{1, 1, ErrUnsupported},
		{0, 1, ErrDamaged},
		{-5, 1, ErrDamaged},
	} {
		if err := b.spend(step.rounds, step.blocks); !errors.Is(err, step.want) || (err == nil) != (step.want == nil) {
			t.Errorf("%d×%d: %v, want %v", step.rounds, step.blocks, err, step.want)
		}
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	if got := repeat([]byte("abc"), 4); !bytes.Equal(got, []byte("abca")) {
		t.Errorf("got %q", got)
	}
	if got := repeat(nil, 4); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

// TestNoPasswordAtAll: for some writers an empty password is no bytes, and not
// the two that end a string.
func TestNoPasswordAtAll(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../testdata/trust-empty-password.p12")
	if err != nil {
		t.Fatal(err)
	}
	in := cryptobyte.String(data)
	var pfx, safe, mac, info, sum, salt cryptobyte.String
	var version, rounds int
	if !in.ReadASN1(&pfx, asn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) {
		t.Fatal("no PKCS#12")
	}
	_, content, ok := readContent(&pfx)
	whole := pfx
	if !ok || !content.ReadASN1(&safe, asn1.OCTET_STRING) || !pfx.ReadASN1(&mac, asn1.SEQUENCE) || !mac.ReadASN1(&info, asn1.SEQUENCE) {
		t.Fatal("no MAC")
	}
	alg, _, _ := readAlgorithm(&info)
	if !info.ReadASN1(&sum, asn1.OCTET_STRING) || !mac.ReadASN1(&salt, asn1.OCTET_STRING) || !mac.ReadASN1Integer(&rounds) {
		t.Fatal("no sum")
	}
	for _, tt := range []struct {
		pass []byte
		want bool
	}{{[]byte{0, 0}, true}, {nil, true}, {[]byte{0, 'x', 0, 0}, false}} {
		h := hmac.New(plainHash(alg), derive(plainHash(alg), forMAC, salt, tt.pass, rounds, len(sum)))
		h.Write(safe)
		r := &p12Reader{password: []byte{0, 0}, work: &budget{left: maxRounds}}
		if err := r.verify(bytes.Replace(whole, sum, h.Sum(nil), 1), safe); err != nil || r.checked != tt.want {
			t.Errorf("a MAC by %x is taken: %v (%v), want %v", tt.pass, r.checked, err, tt.want)
		}
		if tt.want && !bytes.Equal(r.password, tt.pass) {
			t.Errorf("goes on with %x, want %x", r.password, tt.pass)
		}
	}
}
