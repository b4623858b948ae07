package keystore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
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
