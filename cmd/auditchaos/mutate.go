package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// mutation is a mistake that somebody could make, as exact replacements in
// the product's files.
type mutation struct {
	name string
	why  string // what the mistake is
	edit []edit
	// where says which plans can show it; nil: all.
	where func(plan) bool
}

// mutantPatience is how long nothing may move in a run with a mistake: a
// confirmation that never comes, twice.
const mutantPatience = 12 * time.Second

// edit replaces a text that stands once in a file.
type edit struct{ file, old, new string }

func newMutationsCommand(o *options) *cobra.Command {
	var runs int
	var only string
	cmd := &cobra.Command{
		Use:   "mutations",
		Short: "Prove that the suite can fail: play it against a product with a mistake",
		Long: `mutations builds the product once for each mistake of a table, with some of its
text replaced, and plays seeds until a run breaks a promise. A mistake that no
seed finds makes the exit code 1, and so does a text that is not there any more.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.mutate(cmd, runs, only)
		},
	}
	cmd.Flags().IntVar(&runs, "runs", shortRuns, "most seeds for a mistake")
	cmd.Flags().StringVar(&only, "only", "", "play the mistakes whose names contain one of these `texts`")
	return cmd
}

func (o *options) mutate(cmd *cobra.Command, runs int, only string) (err error) {
	s, end, err := o.suite()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	s.patience = min(s.patience, mutantPatience)
	alive, played, began := 0, 0, time.Now()
	out := cmd.OutOrStdout()
	for _, m := range mutations() {
		if !matches(m.name, only) {
			continue
		}
		start := time.Now()
		played++
		caught, err := s.against(cmd.Context(), m, m.seeds(runs), o.parallel)
		switch {
		case err != nil:
			return fmt.Errorf("mistake %s: %w", m.name, err)
		case caught == nil:
			alive++
			_, _ = fmt.Fprintf(out, "%-26s SURVIVED %d seeds: %s\n", m.name, runs, m.why)
		default:
			_, _ = fmt.Fprintf(out, "%-26s caught by seed %-4d in %2.0fs: %s\n%-26s   saw: %s\n",
				m.name, caught.Seed, time.Since(start).Seconds(), m.why, "", shorten(caught.Violations[0]))
		}
	}
	_, _ = fmt.Fprintf(out, "\n%d mistakes, %d survived, in %.0fs\n", played, alive, time.Since(began).Seconds())
	if alive > 0 {
		return fmt.Errorf("%d mistakes were not found", alive)
	}
	return nil
}

// seeds returns the first seeds whose plans can show the mistake. A broker that
// starts again on a busy machine takes longer than mutantPatience.
func (m mutation) seeds(runs int) (seeds []uint64) {
	for seed := uint64(1); len(seeds) < runs; seed++ {
		if p := makePlan(seed); !p.ownBroker() && (m.where == nil || m.where(p)) {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// shorten keeps a line readable.
func shorten(text string) string {
	const most = 160
	if len(text) > most {
		return text[:most] + " ..."
	}
	return text
}

// matches reports whether a name contains one of some texts, split by commas.
func matches(name, texts string) bool {
	return slices.ContainsFunc(strings.Split(texts, ","), func(text string) bool { return strings.Contains(name, text) })
}

// against plays seeds against the product with a mistake, and returns the
// first run that breaks a promise.
func (s *suite) against(ctx context.Context, m mutation, seeds []uint64, parallel int) (caught *result, err error) {
	dir, err := os.MkdirTemp("", program+"-mutation-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for it: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	overlay, err := m.overlay(ctx, dir)
	if err != nil {
		return nil, err
	}
	with := *s
	with.binary, with.dir = filepath.Join(dir, "mutant"), dir
	if err := build(ctx, with.binary, overlay, false); err != nil {
		return nil, err
	}
	with.runSeeds(ctx, seeds, parallel, func(out outcome) bool {
		if out.err != nil {
			err = errors.Join(err, out.err)
			return false
		}
		if out.ok() {
			return true
		}
		caught = &out.result
		return false
	})
	return caught, errors.Join(err, context.Cause(ctx))
}

// overlay writes the changed files and the list of them that the go command
// reads, so that the checkout is left alone.
func (m mutation) overlay(ctx context.Context, dir string) (path string, err error) {
	text, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	root := strings.TrimSpace(string(text))
	changed := map[string]string{}
	for _, e := range m.edit {
		file := filepath.Join(root, filepath.FromSlash(e.file))
		before, ok := changed[file]
		if !ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			before = string(text)
		}
		if n := strings.Count(before, e.old); n != 1 {
			return "", fmt.Errorf("%s holds this text %d times, want once; the product has changed, so change the table too:\n%s", e.file, n, e.old)
		}
		changed[file] = strings.Replace(before, e.old, e.new, 1)
	}
	list := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		other := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, root), string(filepath.Separator), "_"))
		if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
			return "", err
		}
		list.Replace[file] = other
	}
	data, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}
