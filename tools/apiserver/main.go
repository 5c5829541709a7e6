// Apiserver is the real API server of Kubernetes, for tests: built of the modules of
// Kubernetes, which only replace what they are made of in their own repository.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
