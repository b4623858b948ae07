// Command compare holds the searches that we make of Sigma rules against those
// that others make, and against the stream's evaluator, over the corpus of
// package spltest. `make pysigma` runs it. A difference that known does not
// name is an error.
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
	file := flag.String("pysigma", "", "the searches that pySigma made, as .ci/pysigma/convert.py writes them")
	flag.Parse()
	if *file == "" || flag.NArg() > 0 {
		return errors.New("one flag is needed: --pysigma FILE")
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var theirs []struct{ ID, Title, Search string }
	if err := json.Unmarshal(text, &theirs); err != nil {
		return fmt.Errorf("read %s: %w", *file, err)
	}
	searches := map[string]string{}
	for _, t := range theirs {
		searches[t.ID] = t.Search
	}
	return compareAll(out, searches)
}
