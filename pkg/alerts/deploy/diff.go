package deploy

import "strings"

// maxDiff bounds the lines of each side, since the comparison takes their
// product in time and room.
const maxDiff = 1000

// Lines compares two texts line by line. Each line of the result begins with -,
// + or a blank.
func Lines(old, wanted string) []string {
	a, b := strings.Split(old, "\n"), strings.Split(wanted, "\n")
	if len(a) > maxDiff || len(b) > maxDiff {
		return append(prefixed("-", a), prefixed("+", b)...)
	}
	// common[i][j] is the length of the longest common sequence of a[i:] and b[j:].
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, " "+a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return append(append(out, prefixed("-", a[i:])...), prefixed("+", b[j:])...)
}

func prefixed(mark string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = mark + l
	}
	return out
}
