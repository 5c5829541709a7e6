//go:build !unix

package main

import (
	"os"

	"gatehouse/internal/handover"
)

// upgradeSignal is never told anything: there is no such signal.
func upgradeSignal() <-chan os.Signal { return nil }

// askUpgrade reports that there are no upgrades.
func askUpgrade(int) error { return handover.ErrUnsupported }
