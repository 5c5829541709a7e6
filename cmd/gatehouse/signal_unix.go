//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// upgradeSignal is told when a new process is to take this one's place.
func upgradeSignal() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	return c
}

// askUpgrade asks a process for an upgrade.
func askUpgrade(pid int) error { return syscall.Kill(pid, syscall.SIGUSR2) }
