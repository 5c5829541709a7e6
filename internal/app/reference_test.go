package app

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated pages anew")

// referenceHead opens the page on configuration.
const referenceHead = `# Configuration

<!-- Generated from the comments of app.Config (internal/app/config.go) by "make generate". Do not edit. -->

Each setting has one name and can be given in four ways. The first of these that names it wins:

1. the flag, as in ` + "`gatehouse serve --listen :80`" + `;
2. the environment variable, as in ` + "`GATEHOUSE_LISTEN=:80`" + `;
3. the configuration file named by ` + "`--config FILE` or `GATEHOUSE_CONFIG`" + `: YAML, one ` + "`name: value`" + ` a line;
4. the default.

The file is read strictly: an unknown name, a name given twice or a value of the wrong type stops the start and is reported
with its line. Times are numbers with a unit (` + "`500ms`, `10s`, `1m30s`" + `), sizes are bytes or have a unit (` + "`64KiB`, `10MiB`" + `). A setting
of pairs may be given more than once as a flag, has blanks between its pairs in the environment, and is a map in the file; of
pairs with the same name the first of the four ways wins. Everything that is not listed here is configured through
the AWS APIs.

`

// TestConfigurationReference keeps docs/reference/configuration.md in step
// with the comments of Config.
func TestConfigurationReference(t *testing.T) {
	const page = "../../docs/reference/configuration.md"
	want := referencePage(t)
	if *update {
		if err := os.MkdirAll("../../docs/reference", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run \"make generate\"", page)
	}
}

func referencePage(t *testing.T) []byte {
	var b bytes.Buffer
	b.WriteString(referenceHead)
	comments := fieldComments(t)
	v := reflect.ValueOf(Defaults()).Elem()
	for i, s := range Defaults().Settings() {
		name := v.Type().Field(i).Name
		text, ok := comments[name]
		if !ok {
			t.Fatalf("Config.%s has no comment", name)
		}
		file := ""
		if s.file != "" {
			file = "in the file `" + s.file + "`, "
		}
		fmt.Fprintf(&b, "## %s\n\n`--%s`, `%s`, %sdefault %s\n\n%s\n", s.Name, s.Name, s.Env(), file, showDefault(s), text)
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func showDefault(s Setting) string {
	if s.String() == "" {
		return "none"
	}
	return "`" + s.String() + "`"
}

func fieldComments(t *testing.T) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			if field.Doc == nil {
				continue
			}
			text := field.Doc.Text()
			if !strings.HasPrefix(text, field.Names[0].Name+" ") {
				t.Errorf("the comment of Config.%s does not begin with its name", field.Names[0].Name)
			}
			comments[field.Names[0].Name] = text
		}
		return false
	})
	return comments
}
