package archtest

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// instruction returns the arguments that a stage of the Dockerfile gives an
// instruction; a stage's name is what follows AS.
func instruction(t *testing.T, stage, name string) []string {
	t.Helper()
	var in bool
	var found []string
	text := strings.ReplaceAll(readFile(t, "Dockerfile"), "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "FROM ") {
			in = strings.HasSuffix(line, " AS "+stage)
		}
		if args, ok := strings.CutPrefix(line, name+" "); in && ok {
			found = append(found, args)
		}
	}
	return found
}

func TestImagesRunUnprivileged(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"forwarder", "generator"} {
		if diff := cmp.Diff([]string{"65532:65532"}, instruction(t, stage, "USER")); diff != "" {
			t.Errorf("%s: USER (-want +got):\n%s", stage, diff)
		}
	}
	build := strings.Join(instruction(t, "build", "RUN"), "\n")
	if !strings.Contains(build, "CGO_ENABLED=0 ") {
		t.Error("the binaries are not static: the last stages have no C library")
	}
}

// TestImageBuildHasItsSources holds together what the build needs, what the
// Dockerfile copies and what .dockerignore lets through.
func TestImageBuildHasItsSources(t *testing.T) {
	t.Parallel()
	copied := strings.Fields(strings.Join(instruction(t, "build", "COPY"), " "))
	passed := strings.Split(readFile(t, ".dockerignore"), "\n")
	for _, p := range goList(t, "-deps", "./cmd/auditlog-forwarder", "./cmd/auditgen") {
		ours, ok := strings.CutPrefix(p.ImportPath, module+"/")
		if !ok {
			continue
		}
		dir, _, _ := strings.Cut(ours, "/")
		if !slices.Contains(copied, dir) || !slices.Contains(passed, "!"+dir) {
			t.Errorf("the build needs %s, but the Dockerfile or .dockerignore leaves %s out", ours, dir)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		if !slices.Contains(copied, file) || !slices.Contains(passed, "!"+file) {
			t.Errorf("the build needs %s, but the Dockerfile or .dockerignore leaves it out", file)
		}
	}
}

// TestImageGoVersion keeps the build image at the Go that go.mod asks for:
// the image downloads no newer one.
func TestImageGoVersion(t *testing.T) {
	t.Parallel()
	var want string
	for line := range strings.Lines(readFile(t, "go.mod")) {
		if v, ok := strings.CutPrefix(line, "go "); ok {
			want = "golang:" + strings.Join(strings.Split(strings.TrimSpace(v), ".")[:2], ".")
		}
	}
	from := instruction(t, "build", "FROM")
	if len(from) != 1 || !strings.HasPrefix(from[0], want+" ") {
		t.Errorf("the Dockerfile builds with %v, go.mod asks for %s", from, want)
	}
}

// TestDeployedCommandsExist builds both programs and asks them for every
// command and flag that the compose file, the Dockerfile and the unit use.
func TestDeployedCommandsExist(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds two programs")
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/auditlog-forwarder", "./cmd/auditgen")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	project := loadCompose(t)
	health := execForm(t, instruction(t, "forwarder", "HEALTHCHECK"))
	if diff := cmp.Diff(health, []string(project.Services["forwarder"].HealthCheck.Test[1:])); diff != "" {
		t.Errorf("the health checks of Dockerfile and docker-compose.yml differ (-Dockerfile +compose):\n%s", diff)
	}
	start := settings(t, "ExecStart")
	if len(start) != 1 {
		t.Fatalf("%s: ExecStart=%v, want one", unit, start)
	}
	commands := [][]string{
		health,
		append(execForm(t, instruction(t, "forwarder", "ENTRYPOINT")), execForm(t, instruction(t, "forwarder", "CMD"))...),
		append(execForm(t, instruction(t, "generator", "ENTRYPOINT")), project.Services["generator"].Command...),
		strings.Fields(start[0]),
	}
	for _, command := range commands {
		args, flags := []string{"--help"}, []string(nil)
		for _, arg := range command[1:] {
			switch {
			case strings.HasPrefix(arg, "-"):
				flag, _, _ := strings.Cut(arg, "=")
				flags = append(flags, flag)
			case !strings.HasPrefix(arg, "/"): // a flag's value
				args = slices.Insert(args, len(args)-1, arg)
			}
		}
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, filepath.Base(command[0])), args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", command, err, out)
			continue
		}
		// An unknown command still prints the help of its parent.
		usage := strings.Fields(string(out))
		for _, want := range append(args[:len(args)-1], flags...) {
			if !slices.Contains(usage, want) {
				t.Errorf("%v: the help does not know %s:\n%s", command, want, out)
			}
		}
	}
}

// execForm returns the JSON array that the last of some instructions ends with.
func execForm(t *testing.T, instructions []string) []string {
	t.Helper()
	if len(instructions) == 0 {
		t.Fatal("the Dockerfile lacks an instruction in exec form")
	}
	last := instructions[len(instructions)-1]
	var args []string
	if err := json.Unmarshal([]byte(last[strings.Index(last, "["):]), &args); err != nil {
		t.Fatalf("%s: not in exec form: %v", last, err)
	}
	return args
}
