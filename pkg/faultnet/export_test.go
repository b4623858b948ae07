package faultnet

// Ended feeds text in pieces and reports whether it ends with an answer.
func Ended(text []byte, size int) (ended bool) {
	var f framer
	for len(text) > 0 {
		n := min(size, len(text))
		ended = f.feed(text[:n])
		text = text[n:]
	}
	return ended
}
