//go:build !linux

package kafkatest

import "syscall"

// childAttr has nothing to offer here: a child may outlive a killed test
// binary.
func childAttr() *syscall.SysProcAttr { return nil }
