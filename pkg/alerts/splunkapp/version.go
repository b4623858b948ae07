package splunkapp

import (
	"fmt"
	"regexp"
	"strings"
)

// A version without build metadata: Splunk compares versions, and what stands
// behind a + has no order. Numbers have no leading zeros.
const (
	number  = `(?:0|[1-9]\d*)`
	part    = `(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`
	version = `^` + number + `\.` + number + `\.` + number + `(?:-` + part + `(?:\.` + part + `)*)?$`
)

// CheckVersion says what is wrong with a version that somebody chose.
func CheckVersion(v string) error {
	if !isVersion(v) {
		return fmt.Errorf("version %q is no semantic version; write it as 1.2.3 or 1.2.3-rc.1", v)
	}
	return nil
}

func isVersion(v string) bool { return regexp.MustCompile(version).MatchString(v) }

// VersionOf makes a semantic version of what git describe says of the program.
// Commits behind a tag sort between its version and the next one; where there is no
// tag, the Makefile gives the time of the commit, and a hash alone sorts before every
// release.
func VersionOf(program string) string {
	text, dirty := strings.CutSuffix(strings.TrimPrefix(program, "v"), "-dirty")
	v := "0.0.0-dev"
	behind := regexp.MustCompile(`^(\d+\.\d+)\.(\d+)-(\d+)-(g[0-9a-f]+)$`).FindStringSubmatch(text)
	switch {
	case behind != nil:
		var patch int64
		if _, err := fmt.Sscan(behind[2], &patch); err == nil {
			v = fmt.Sprintf("%s.%d-dev.%s.%s", behind[1], patch+1, behind[3], behind[4])
		}
	case isVersion(text):
		v = text
	case regexp.MustCompile(`^[0-9a-f]{7,40}$`).MatchString(text):
		v += ".g" + text
	}
	switch {
	case !dirty || !isVersion(v):
		return v
	case strings.Contains(v, "-"):
		return v + ".dirty"
	default:
		return v + "-dirty" // not the release that its tag names
	}
}
