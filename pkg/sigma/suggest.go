package sigma

import "strings"

// Hint names what was probably meant by an unknown word, or else all that is known.
func Hint(word, before string, known []string) string {
	best, least := "", 1+min(3, max(1, len(word)/2))
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k), least); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	return "; " + before + strings.Join(known, ", ")
}

// distance counts the bytes to insert, delete or replace to get from a to b. It
// gives up at most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above+1, row[j]+1, left+cost)
			left = above
		}
	}
	return row[len(b)]
}
