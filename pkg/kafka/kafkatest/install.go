package kafkatest

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// installation is Kafka's jars in the checkout's cache. The folder is complete
// when it exists, since it gets its name only then.
type installation struct {
	pom  string // testdata/kafka/pom.xml
	text []byte // what the pom says
	dir  string // .cache/kafka-<version>
}

func findInstallation() (installation, error) {
	root, err := repositoryRoot()
	if err != nil {
		return installation{}, err
	}
	pom := filepath.Join(root, "testdata", "kafka", "pom.xml")
	text, err := os.ReadFile(pom)
	if err != nil {
		return installation{}, fmt.Errorf("read the version of Kafka: %w", err)
	}
	var project struct {
		Version string `xml:"properties>kafka.version"`
	}
	if err := xml.Unmarshal(text, &project); err != nil {
		return installation{}, fmt.Errorf("parse %s: %w", pom, err)
	}
	if project.Version == "" {
		return installation{}, fmt.Errorf("%s: property kafka.version is missing", pom)
	}
	return installation{pom: pom, text: text, dir: filepath.Join(root, ".cache", "kafka-"+project.Version)}, nil
}

// repositoryRoot finds the checkout by this file's path, and for binaries
// built with -trimpath by the working folder, which go test sets to the
// package's.
func repositoryRoot() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for _, dir := range []string{filepath.Dir(file), wd} {
		for filepath.IsAbs(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", fmt.Errorf("find the checkout: no go.mod above %s or %s", file, wd)
}

// complete reports whether the cache was filled from this very pom.
func (in installation) complete() bool {
	got, err := os.ReadFile(filepath.Join(in.dir, "pom.xml"))
	return err == nil && bytes.Equal(got, in.text)
}

func (in installation) classpath() string { return filepath.Join(in.dir, "*") }

// install fills the cache unless it is complete. Test binaries start at once,
// so the first one in does the work and the others wait for its lock.
func (in installation) install(ctx context.Context) (err error) {
	if in.complete() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(in.dir), 0o755); err != nil {
		return fmt.Errorf("make the cache for Kafka: %w", err)
	}
	lock := flock.New(in.dir + ".lock")
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another test binary to fetch Kafka (lock %s): %w", lock.Path(), err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if in.complete() {
		return nil
	}
	part := in.dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("remove a broken download of Kafka: %w", err)
	}
	out, err := runTool(ctx, "mvn", "-q", "-B", "-f", in.pom, "dependency:copy-dependencies", "-DoutputDirectory="+part)
	if err != nil {
		return fmt.Errorf("fetch Kafka by Maven: %w\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(part, "pom.xml"), in.text, 0o644); err != nil {
		return fmt.Errorf("finish the download of Kafka: %w", err)
	}
	if err := os.RemoveAll(in.dir); err != nil {
		return fmt.Errorf("remove the jars of an earlier pom.xml: %w", err)
	}
	if err := os.Rename(part, in.dir); err != nil {
		return fmt.Errorf("finish the download of Kafka: %w", err)
	}
	return nil
}
