//go:build unix

package deadletter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is who a file belongs to.
type owner struct{ uid, gid int }

func ownerOf(info fs.FileInfo) (owner, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, false
	}
	return owner{int(st.Uid), int(st.Gid)}, true
}

// heir says to whom root must give what it makes in dir: to the folder's
// owner or, where root made the folder and a group may write there, to the
// owner of the store's files. There is none if that is root, and none for
// other users, who cannot give files away.
func heir(dir string) (owner, bool) {
	if os.Geteuid() != 0 {
		return owner{}, false
	}
	for _, path := range []string{dir, filepath.Join(dir, dataLock), filepath.Join(dir, dataFile)} {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if o, ok := ownerOf(info); ok && o.uid != 0 {
			return o, true
		}
	}
	return owner{}, false
}

// handOver gives a file that was just made in dir to its heir.
func handOver(f *os.File, dir string) error {
	to, ok := heir(dir)
	if !ok {
		return nil
	}
	// Some mounts give all files to one user and let nobody change that.
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if has, ok := ownerOf(info); ok && has.uid == to.uid {
		return nil
	}
	if err := f.Chown(to.uid, to.gid); err != nil {
		return fmt.Errorf("give the new file to %s, whose folder it is: %w", userName(to.uid), err)
	}
	return nil
}

// noFollow is the flag that keeps root from following a link which the
// folder's owner laid: it would change a file of somebody else.
func noFollow(dir string) int {
	if _, ok := heir(dir); ok {
		return syscall.O_NOFOLLOW
	}
	return 0
}

// whose says, for an error about missing rights, who has them and what to do.
// It is empty if that is not a matter of ownership.
func whose(err error) string {
	var at *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &at) {
		return ""
	}
	path, absErr := filepath.Abs(at.Path)
	if absErr != nil {
		return ""
	}
	// The nearest that can be looked at: in a closed folder that is the folder.
	info, statErr := os.Stat(path)
	for statErr != nil && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, statErr = os.Stat(path)
	}
	if statErr != nil {
		return ""
	}
	me := os.Geteuid()
	has, ok := ownerOf(info)
	if !ok || has.uid == me {
		return ""
	}
	says := fmt.Sprintf("%s belongs to %s and this process runs as %s", path, userName(has.uid), userName(me))
	if folder, err := os.Stat(filepath.Dir(path)); err == nil && !info.IsDir() {
		if o, ok := ownerOf(folder); ok && o.uid == me {
			return fmt.Sprintf("%s, whose folder it is: give it back as root, `chown %d:%d %s`", says, o.uid, o.gid, path)
		}
	}
	as := userName(has.uid)
	if me != 0 && has.uid != 0 {
		as += " or as root"
	}
	return fmt.Sprintf("%s: run this as %s, or give this user the right to read and write there (each instance needs its own folder)", says, as)
}

func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return "user " + u.Username
	}
	return "uid " + id
}
