package cloudformation

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteTypes writes the types of resources that stacks may have, for COVERAGE.md.
func WriteTypes(w io.Writer) error {
	all := kinds()
	_, err := fmt.Fprintf(w, "\n## CloudFormation: types of resources\n\n%d types. Any other is refused by name, unless the setting `cloudformation-inert` lists it.\n"+
		"Drift is detected for all but those marked with –, which AWS cannot read either.\n\n| type | drift | properties (! a change replaces) |\n|---|---|---|\n", len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		drift := "yes"
		if !all[name].detects() {
			drift = "–"
		}
		if err == nil {
			_, err = fmt.Fprintf(w, "| %s | %s | %s |\n", name, drift, strings.NewReplacer("#", "", "@", "", "%", "").Replace(all[name].props))
		}
	}
	return err
}
