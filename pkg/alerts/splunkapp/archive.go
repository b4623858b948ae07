package splunkapp

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Write writes the package as a gzipped tar. The same app gives the same bytes:
// no time, owner or order of this machine is in them. AppInspect refuses paths
// that begin with ./ and what its owner may not read and write.
func (p *Package) Write(w io.Writer) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	packed := tar.NewWriter(zipped)
	for _, dir := range p.dirs() {
		if err := packed.WriteHeader(header(tar.TypeDir, dir+"/", 0o755, 0)); err != nil {
			return fmt.Errorf("pack %s: %w", dir, err)
		}
	}
	for _, f := range p.Files {
		if err := packed.WriteHeader(header(tar.TypeReg, path.Join(ID, f.Path), 0o644, int64(len(f.Data)))); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, err)
		}
		if _, err := packed.Write(f.Data); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, err)
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return zipped.Close()
}

// dirs are the folders of the files, each behind the one that it lies in.
func (p *Package) dirs() []string {
	all := []string{ID}
	for _, f := range p.Files {
		for dir := path.Dir(path.Join(ID, f.Path)); strings.Contains(dir, "/"); dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func header(kind byte, name string, mode, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: kind, Name: name, Mode: mode, Size: size, Format: tar.FormatUSTAR,
		ModTime: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC), // some tools take no earlier time
	}
}
