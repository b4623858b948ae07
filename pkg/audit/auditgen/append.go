package auditgen

const hexDigits = "0123456789abcdef"

// appendHex appends 16 hexadecimal digits.
func appendHex(dst []byte, bits uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[bits>>shift&15])
	}
	return dst
}

// appendUUID appends a UUID of version 4.
func appendUUID(dst []byte, hi, lo uint64) []byte {
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	var hex [32]byte
	appendHex(appendHex(hex[:0], hi), lo)
	dst = append(append(dst, hex[:8]...), '-')
	dst = append(append(dst, hex[8:12]...), '-')
	dst = append(append(dst, hex[12:16]...), '-')
	dst = append(append(dst, hex[16:20]...), '-')
	return append(dst, hex[20:]...)
}

// appendDigits appends n decimal digits, the first of them not 0.
func appendDigits(dst []byte, bits uint64, n int) []byte {
	dst = append(dst, '1'+byte(bits%9))
	bits /= 9
	for range n - 1 {
		dst = append(dst, '0'+byte(bits%10))
		bits /= 10
	}
	return dst
}

// appendBase32 appends n letters and digits, such as the end of lkc-9r3yxk.
func appendBase32(dst []byte, bits uint64, n int) []byte {
	const alphabet = "0123456789kmnpqrtvwxyzabcdefghjs"
	for range n {
		dst = append(dst, alphabet[bits&31])
		bits >>= 5
	}
	return dst
}

// appendKey appends the 16 capitals and digits of an API key.
func appendKey(dst []byte, hi, lo uint64) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	for range 8 {
		dst = append(dst, alphabet[hi&31], alphabet[lo&31])
		hi, lo = hi>>5, lo>>5
	}
	return dst
}
