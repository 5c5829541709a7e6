package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A deployer is what "gatehouse function deploy" was asked to do.
type deployer struct {
	dir, runtime, handler, role string
	environment                 map[string]string
	memory, timeout             int
	upload                      bool
	wait                        time.Duration
}

func newFunctionDeploy() *cobra.Command {
	var d deployer
	var to target
	var out output
	cmd := &cobra.Command{
		Use:     "deploy NAME --dir DIR --runtime RUNTIME --handler HANDLER",
		Aliases: []string{"create"},
		Short:   "Make a function of a directory, or change it",
		Long: "Make a function of the code in a directory, or change the one of that name. The server runs the code where it is,\n" +
			"and starts it anew when a file changes; with --upload it gets a copy instead. Every API of the account may call\n" +
			"the function.",
		Example: "  gatehouse function deploy hello --dir ./hello --runtime nodejs20.x --handler index.handler\n" +
			"  gatehouse function deploy hello --dir ./build --runtime provided.al2023 --handler bootstrap --env TABLE=pets",
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if d.dir == "" || d.runtime == "" || d.handler == "" {
				return usageError{errors.New("want --dir, --runtime and --handler")}
			}
			c, err := to.connect(cmd.Context(), d.wait)
			if err != nil {
				return err
			}
			f, err := d.run(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), f, func(w io.Writer) error {
				verb := "changed"
				if f.Created {
					verb = "created"
				}
				_, err := fmt.Fprintf(w, "function %s %s\n%s\n", f.Name, verb, f.ARN)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&d.dir, "dir", "", "`DIR` that holds the code")
	flags.StringVar(&d.runtime, "runtime", "", "`RUNTIME`, as in nodejs20.x, python3.12 or provided.al2023")
	flags.StringVar(&d.handler, "handler", "", "`HANDLER`, as in index.handler")
	flags.StringVar(&d.role, "role", "", "`ARN` of the function's role; without it one that has no permissions")
	flags.StringToStringVar(&d.environment, "env", nil, "environment variable; may be repeated")
	flags.IntVar(&d.memory, "memory", 128, "memory in `MB`")
	flags.IntVar(&d.timeout, "timeout", 3, "time-out in `SECONDS`")
	flags.BoolVar(&d.upload, "upload", false, "send a copy of the directory")
	flags.DurationVar(&d.wait, "wait", 0, "wait up to this `TIME` for the server to be ready")
	to.register(cmd)
	out.register(cmd)
	return cmd
}

func (d *deployer) run(ctx context.Context, c *client, name string) (*shownFunction, error) {
	code, err := d.code()
	if err != nil {
		return nil, err
	}
	settings := map[string]any{
		"Runtime": d.runtime, "Handler": d.handler, "MemorySize": d.memory, "Timeout": d.timeout,
		"Environment": map[string]any{"Variables": d.environment},
	}
	if d.role != "" {
		settings["Role"] = d.role
	}
	f, err := d.create(ctx, c, name, code, settings)
	if isRefused(err, "ResourceConflictException") {
		f, err = d.update(ctx, c, name, code, settings)
	}
	if err != nil {
		return nil, err
	}
	permission := map[string]any{"StatementId": "gatehouse-function-deploy", "Action": "lambda:InvokeFunction",
		"Principal": "apigateway.amazonaws.com", "SourceAccount": accountOf(f.ARN)}
	err = c.lambda(ctx, http.MethodPost, functionPath(name, "/policy"), permission, nil)
	if err != nil && !isRefused(err, "ResourceConflictException") {
		return nil, err
	}
	return f, nil
}

func (d *deployer) create(ctx context.Context, c *client, name string, code, settings map[string]any) (*shownFunction, error) {
	in := map[string]any{"FunctionName": name, "Code": code, "Role": "arn:aws:iam::000000000000:role/" + name}
	for k, v := range settings {
		in[k] = v
	}
	var made configuration
	if err := c.lambda(ctx, http.MethodPost, functionsPath, in, &made); err != nil {
		return nil, err
	}
	f := made.shown()
	f.Created = true
	return &f, nil
}

func (d *deployer) update(ctx context.Context, c *client, name string, code, settings map[string]any) (*shownFunction, error) {
	if err := c.lambda(ctx, http.MethodPut, functionPath(name, "/code"), code, nil); err != nil {
		return nil, err
	}
	var changed configuration
	if err := c.lambda(ctx, http.MethodPut, functionPath(name, "/configuration"), settings, &changed); err != nil {
		return nil, err
	}
	f := changed.shown()
	return &f, nil
}

// accountOf is the account in an ARN.
func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}

// code is where the code is, as the API wants it: a directory of the server's
// machine, or a zip file.
func (d *deployer) code() (map[string]any, error) {
	dir, err := filepath.Abs(d.dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", d.dir)
	}
	if !d.upload {
		return map[string]any{"S3Bucket": "hot-reload", "S3Key": dir}, nil
	}
	content, err := zipDir(dir)
	return map[string]any{"ZipFile": content}, err
}

// zipDir is a zip file of a directory, but for what Git keeps there.
func zipDir(dir string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if err == nil && e.Name() == ".git" {
				return filepath.SkipDir
			}
			return err
		}
		return zipFile(z, dir, path)
	})
	err = errors.Join(err, z.Close())
	return b.Bytes(), err
}

// zipFile adds one file, whatever a link leads to.
func zipFile(z *zip.Writer, dir, path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	h, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	h.Name, h.Method = filepath.ToSlash(name), zip.Deflate
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
