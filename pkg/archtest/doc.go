// Package archtest holds the repository to its own rules: which package may
// import which, what no source file may contain, and whether the files that
// users take away (compose file, systemd unit) fit the program. It has only
// tests.
package archtest
