package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newHealthCommand() *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the running forwarder whether it is alive",
		Long: `Ask the forwarder that runs with the same configuration, at admin.listen,
whether it is alive, for container health checks where there is no curl. With
--ready it asks whether events can flow, and prints why not. The exit code is 0
for yes and 1 for no.`,
		Example: "  " + program + " health --ready",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A mistake elsewhere in the configuration is not this command's.
			loaded, err := loadConfig(cmd)
			if loaded == nil {
				return err
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return askAdmin(cmd.Context(), cmd.OutOrStdout(), loaded.Admin.Listen, path)
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether events can flow")
	addConfigFlags(cmd)
	return cmd
}

func askAdmin(ctx context.Context, w io.Writer, listen, path string) error {
	if listen == "" {
		return &exitError{code: exitRunning, err: errors.New("admin.listen is empty, so the forwarder cannot be asked"), hint: "set admin.listen"}
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("admin.listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, http.NoBody)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy for one's own machine
	resp, err := client.Do(req)
	if err != nil {
		return &exitError{code: exitRunning, err: err, hint: "is a forwarder running with this admin.listen?"}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", req.URL, err)
	}
	text := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return errors.New(text)
	}
	_, err = fmt.Fprintln(w, text)
	return err
}
