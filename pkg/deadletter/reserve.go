package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// reserve is room on the disk that a replay keeps for its last mark. Without
// it a full disk would let an event be sent and not noted, in each replay
// anew.
type reserve struct{ path string }

// reserveSize is more than a mark takes, with what a file system adds.
const reserveSize = 64 << 10

func (r *reserve) take(dir string) error {
	path := filepath.Join(dir, reserveFile)
	if err := removeIfThere(path); err != nil { // a crash left it
		return err
	}
	f, err := makeFile(path, os.O_WRONLY)
	if err != nil {
		return explain(err)
	}
	r.path = path
	// No zeros: a file system may keep these without taking room.
	_, err = f.Write(bytes.Repeat([]byte("reserve\n"), reserveSize/8))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, explain(err)), r.drop())
	}
	return nil
}

// drop gives the room back.
func (r *reserve) drop() error {
	if r.path == "" {
		return nil
	}
	path := r.path
	r.path = ""
	return removeIfThere(path)
}
