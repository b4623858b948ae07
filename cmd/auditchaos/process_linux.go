package main

import (
	"runtime"
	"syscall"
)

// childAttr lets the kernel end a forwarder when this program ends in any
// way. The signal belongs to the thread that started it, which must therefore
// live as long.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// lockThread keeps the calling goroutine on its thread until the returned
// function is called.
func lockThread() func() {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}
