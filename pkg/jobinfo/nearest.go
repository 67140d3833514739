package jobinfo

import "strings"

// Nearest returns the word of known that name is most likely meant for, or ""
// where none is near: more than a third of its letters would have to change.
// Case does not count.
func Nearest(name string, known []string) string {
	best, least := "", 1+len(name)/3
	for _, word := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(word)); d <= least {
			best, least = word, d-1
		}
	}
	return best
}

// distance is how many bytes must be put in, taken out or changed to make one
// word the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
