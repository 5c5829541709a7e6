package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/service/lambda"
)

// functionsKey is the key of the configuration file that lists functions.
const functionsKey = "functions"

// A LocalFunction is a function of the configuration file: code in a directory,
// which is run as it stands and started anew when it changes.
type LocalFunction struct {
	Name        string            `yaml:"name"`
	Dir         string            `yaml:"dir"` // beside the configuration file, unless absolute
	Runtime     string            `yaml:"runtime"`
	Handler     string            `yaml:"handler"`
	Environment map[string]string `yaml:"environment"`
	Memory      int32             `yaml:"memory"`  // MB
	Timeout     int32             `yaml:"timeout"` // seconds
	Region      string            `yaml:"region"`
	Role        string            `yaml:"role"`
}

// readFunctions reads the list of functions.
func (c *Config) readFunctions(file string, node *yaml.Node) error {
	text, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&c.Functions); err != nil {
		return fmt.Errorf("functions: want a list, each with name, dir, runtime and handler: %w", err)
	}
	for i := range c.Functions {
		f := &c.Functions[i]
		if f.Dir != "" && !filepath.IsAbs(f.Dir) {
			f.Dir = filepath.Join(filepath.Dir(file), f.Dir)
		}
		if f.Dir, err = filepath.Abs(f.Dir); err != nil {
			return fmt.Errorf("functions: %s: %w", f.Name, err)
		}
		if f.Region == "" {
			f.Region = "us-east-1"
		}
		if f.Role == "" {
			f.Role = "arn:aws:iam::" + c.Account + ":role/" + f.Name
		}
	}
	return nil
}

// checkLocalFunctions reports functions of the configuration that cannot be.
func (c *Config) checkLocalFunctions() error {
	seen := map[string]bool{}
	var errs []error
	for _, f := range c.Functions {
		switch id := f.Region + " " + f.Name; {
		case f.Name == "" || f.Runtime == "" || f.Handler == "" || f.Dir == "":
			errs = append(errs, fmt.Errorf("functions: %q needs name, dir, runtime and handler", f.Name))
		case seen[id]:
			errs = append(errs, fmt.Errorf("functions: %s stands there twice", f.Name))
		default:
			seen[id] = true
		}
	}
	return errors.Join(errs...)
}

// configureFunctions makes the functions of the configuration, and takes away
// those that an earlier one had.
func (n *node) configureFunctions(ctx context.Context) error {
	var list []lambda.Configured
	for _, f := range n.cfg.Functions {
		list = append(list, lambda.Configured{
			Region: f.Region, Name: f.Name, Dir: f.Dir, Runtime: f.Runtime, Handler: f.Handler, Role: f.Role,
			Environment: f.Environment, Memory: f.Memory, Timeout: f.Timeout,
		})
	}
	caller := awsrpc.Caller{Account: n.cfg.Account, Region: "us-east-1", Root: true, PrincipalARN: "arn:aws:iam::" + n.cfg.Account + ":root"}
	if err := n.functions.service.Configure(ctx, caller, list); err != nil {
		return fmt.Errorf("functions of the configuration: %w", err)
	}
	return nil
}
