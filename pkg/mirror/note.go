package mirror

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is where a mirror was when it marked a source offset: everything
// before that offset stands in the destination before End. It is the note that
// is kept beside the group's committed offset.
type Position struct {
	Cluster string // the destination's id; empty where a cluster has none
	Topic   string
	End     int64
}

// version begins a note, so that another form can be told from this one.
const version = "mirror/1"

// String is the note.
func (p Position) String() string {
	return fmt.Sprintf("%s %d %s %s", version, p.End, p.Topic, p.Cluster)
}

// ParseNote reads a note; ok is false for what String has not written.
func ParseNote(note string) (p Position, ok bool) {
	parts := strings.Split(note, " ")
	if len(parts) != 4 || parts[0] != version {
		return p, false
	}
	end, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || end < 0 || parts[2] == "" {
		return p, false
	}
	return Position{Cluster: parts[3], Topic: parts[2], End: end}, true
}
