package kafkatest

import "syscall"

// childAttr lets the kernel kill the child when this process ends in any way,
// such as a test timeout. The signal belongs to the thread that started the
// child: that goroutine must keep its thread until the child has ended.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
