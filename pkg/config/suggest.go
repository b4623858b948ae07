package config

import (
	"slices"
	"strings"
)

// unknownKey says that name is not a key, and which key was probably meant.
func unknownKey(name string, keys []Key) string {
	if len(name) > maxName {
		name = name[:maxName] + "..."
	}
	shown := quoted(name)
	names := parents(keys)
	for _, k := range keys {
		names = append(names, k.Name)
	}
	if hint := didYouMean(name, names); hint != "" {
		return "unknown key " + shown + hint
	}
	// No name is near: list what the section has.
	section := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && slices.Contains(parents(keys), name[:i]) {
		section = name[:i]
	}
	var known []string
	for _, n := range names {
		i := strings.LastIndexByte(n, '.')
		if (i < 0 && section == "") || (i >= 0 && n[:i] == section) {
			known = append(known, n[i+1:])
		}
	}
	slices.Sort(known)
	if section == "" {
		return "unknown key " + shown + "; known are " + strings.Join(known, ", ")
	}
	return "unknown key " + shown + "; " + section + " has " + strings.Join(known, ", ")
}

func didYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// maxName bounds the names that are compared; the longest key has 34 bytes.
const maxName = 200

// Nearest returns the candidate that word is probably a misspelling of, or
// nothing. The same last part in another section counts as near: who writes
// kafka.username means kafka.sasl.username.
func Nearest(word string, candidates []string) string {
	if len(word) > maxName {
		return ""
	}
	word = normal(word)
	best, bestDist := "", 1+min(max(2, len(word)/4), len(word)/2)
	for _, c := range candidates {
		if d := distance(word, normal(c)); d < bestDist {
			best, bestDist = c, d
		}
	}
	if best != "" {
		return best
	}
	i := strings.LastIndexByte(word, '.')
	if i < 0 {
		return ""
	}
	var same []string
	for _, c := range candidates {
		if n := normal(c); strings.HasSuffix(n, word[i:]) && strings.HasPrefix(n, word[:i]) {
			same = append(same, c)
		}
	}
	if len(same) == 1 {
		return same[0]
	}
	return ""
}

// normal folds the ways in which people write the same name.
func normal(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j-1]+cost, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
