package importer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A standalone worker writes its offsets as one serialized HashMap of byte
// arrays. This reader knows that one form of Java's serialization and no
// other: it makes no objects, and it believes no length beyond the bytes that
// are there.

func javaMagic() []byte { return []byte{0xac, 0xed, 0x00, 0x05} }

// The marks of Java's serialization that are met.
const (
	tcNull      = 0x70
	tcReference = 0x71
	tcClassDesc = 0x72
	tcObject    = 0x73
	tcArray     = 0x75
	tcBlockData = 0x77
	tcEndBlock  = 0x78

	firstHandle = 0x7e0000
)

// javaPair is one entry.
type javaPair struct{ key, value []byte }

// javaReader walks over the bytes; the first thing that is wrong ends it.
type javaReader struct {
	rest    []byte
	err     error
	handles int            // given so far
	class   int            // handle of the class of byte arrays; -1 before it is met
	arrays  map[int][]byte // byte arrays by handle
}

func (r *javaReader) fail(err error) {
	if r.err == nil {
		r.err, r.rest = err, nil
	}
}

func (r *javaReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail(errors.New("it is cut off"))
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *javaReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *javaReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// expect takes bytes that have to be there as they are.
func (r *javaReader) expect(what string, want ...byte) {
	if got := r.take(len(want)); r.err == nil && !bytes.Equal(got, want) {
		r.fail(fmt.Errorf("it holds %s of another kind than Kafka Connect writes; give the file of offset.storage.file.filename", what))
	}
}

func (r *javaReader) handle() int {
	r.handles++
	return firstHandle + r.handles - 1
}

// text is a short text with its length before it.
func javaText(s string) []byte {
	return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...)
}

// readJavaMap reads the whole file.
func readJavaMap(data []byte) ([]javaPair, error) {
	r := &javaReader{rest: data, class: -1, arrays: map[int][]byte{}}
	r.expect("a stream", javaMagic()...)
	// java.util.HashMap, its serialVersionUID, and its two fields.
	r.expect("an object", tcObject, tcClassDesc)
	r.expect("a class", javaText("java.util.HashMap")...)
	r.expect("a class", 0x05, 0x07, 0xda, 0xc1, 0xc3, 0x16, 0x60, 0xd1)
	r.handle()
	r.expect("a class", 0x03, 0x00, 0x02, 'F')
	r.expect("a field", javaText("loadFactor")...)
	r.expect("a field", 'I')
	r.expect("a field", javaText("threshold")...)
	r.expect("a class", tcEndBlock, tcNull)
	r.handle() // the map itself
	r.take(8)  // the fields' values, which are Java's own business
	r.expect("a map", tcBlockData, 8)
	r.take(4) // how many buckets Java had
	size := r.uint32()
	if size > maxOffsets {
		r.fail(fmt.Errorf("it says that it has %d entries, more than the %d that are read", size, maxOffsets))
	}
	var pairs []javaPair // grown as entries come, not as size says
	for i := uint32(0); i < size && r.err == nil; i++ {
		p := javaPair{key: r.array(), value: r.array()}
		if r.err == nil {
			pairs = append(pairs, p)
		}
	}
	r.expect("an end", tcEndBlock)
	if r.err == nil && len(r.rest) > 0 {
		r.fail(errors.New("something follows the map"))
	}
	if r.err != nil {
		return nil, r.err
	}
	return pairs, nil
}

// array reads a byte array, null, or a byte array that was there already.
func (r *javaReader) array() []byte {
	switch mark := r.byte(); {
	case r.err != nil, mark == tcNull:
		return nil
	case mark == tcReference:
		b, ok := r.arrays[int(r.uint32())]
		if !ok {
			r.fail(errors.New("it points to a byte array that is not there"))
		}
		return b
	case mark != tcArray:
		r.fail(errors.New("it holds something else than byte arrays"))
		return nil
	}
	switch mark := r.byte(); {
	case mark == tcClassDesc && r.class < 0:
		r.expect("a class", javaText("[B")...)
		r.expect("a class", 0xac, 0xf3, 0x17, 0xf8, 0x06, 0x08, 0x54, 0xe0, 0x02, 0x00, 0x00, tcEndBlock, tcNull)
		r.class = r.handle()
	case mark == tcReference:
		if h := int(r.uint32()); r.class < 0 || h != r.class {
			r.fail(errors.New("it points to a class that is not there"))
		}
	default:
		r.fail(errors.New("it holds an array of another kind"))
	}
	h := r.handle()
	n := r.uint32()
	if uint64(n) > uint64(len(r.rest)) {
		r.fail(errors.New("it is cut off, or a length in it is wrong"))
		return nil
	}
	b := r.take(int(n))
	if r.err == nil {
		r.arrays[h] = b
	}
	return b
}
