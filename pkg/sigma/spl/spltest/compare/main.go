// Command compare holds the searches that we make of Sigma rules against those
// that others make, and against the stream's evaluator, over the corpus of
// package spltest. `make pysigma` and `make spl-engine` run it. A difference
// that is not named is an error.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	pysigma := flag.String("pysigma", "", "the `file` of searches that pySigma made, as .ci/pysigma/convert.py writes them")
	forEngine := flag.String("for-engine", "", "write events and searches for .ci/spl-engine/Engine.java into this `directory`")
	engine := flag.String("engine", "", "the `directory` in which that engine has answered")
	flag.Parse()
	switch {
	case flag.NFlag() != 1 || flag.NArg() > 0:
		return errors.New("one flag is needed; see --help")
	case *forEngine != "":
		return writeForEngine(*forEngine)
	case *engine != "":
		return compareEngine(out, *engine)
	}
	text, err := os.ReadFile(*pysigma)
	if err != nil {
		return err
	}
	var theirs []struct{ ID, Title, Search string }
	if err := json.Unmarshal(text, &theirs); err != nil {
		return fmt.Errorf("read %s: %w", *pysigma, err)
	}
	searches := map[string]string{}
	for _, t := range theirs {
		searches[t.ID] = t.Search
	}
	list, err := rules()
	if err != nil {
		return err
	}
	return compareAll(out, list, searches)
}
