package lambda

import (
	"runtime"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/lambda"
)

// checkRuntime refuses a runtime that AWS does not know or the host cannot run.
//
// AWS: the text is recorded; the order of its values follows no rule that we
// found, ours is that of the model.
func checkRuntime(name string) error {
	if runs(name) {
		return nil
	}
	if slices.Contains(runtimeValues(), name) {
		return noRuntime.refuse(name)
	}
	if name == "" {
		name = "null"
	}
	return errParameter("Value " + name + " at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [" +
		strings.Join(runtimeValues(), ", ") + "] or be a valid ARN")
}

// runs reports whether the host runs functions of a runtime.
func runs(name string) bool {
	return name == "provided.al2023" || name == "provided.al2" ||
		strings.HasPrefix(name, "nodejs") && slices.Contains(runtimeValues(), name) ||
		strings.HasPrefix(name, "python3.") && slices.Contains(runtimeValues(), name)
}

// interpreted reports whether a runtime runs the same code on any machine.
func interpreted(name string) bool { return !strings.HasPrefix(name, "provided") }

// machine is the architecture of this machine as Lambda calls it.
func machine() string {
	if runtime.GOARCH == "arm64" {
		return api.ArchitectureArm64
	}
	return api.ArchitectureX8664
}

// runtimeValues are the runtimes of the model.
func runtimeValues() []string {
	return strings.Fields(`nodejs nodejs4.3 nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x nodejs16.x nodejs18.x nodejs20.x
		nodejs22.x nodejs24.x nodejs26.x nodejs4.3-edge java8 java8.al2 java8.al2023 java11 java11.al2023 java17 java17.al2023 java21
		java25 python2.7 python3.6 python3.7 python3.8 python3.9 python3.10 python3.11 python3.12 python3.13 python3.14 python3.15
		dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 dotnet6 dotnet8 dotnet10 go1.x ruby2.5 ruby2.7 ruby3.2 ruby3.3
		ruby3.4 ruby4.0 provided provided.al2 provided.al2023`)
}
