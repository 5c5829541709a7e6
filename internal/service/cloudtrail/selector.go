package cloudtrail

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudtrail"
)

// Event selectors: which events a trail delivers. One that names none delivers
// all management events.
//
// AWS: PutEventSelectors; "Filtering data events by using advanced event
// selectors".

const (
	maxSelectors  = 5   // basic ones, of a trail
	maxResources  = 250 // of their data resources
	maxConditions = 500 // of advanced ones
)

// What a selector says of reading and writing.
const (
	allEvents = "All"
	readOnly  = "ReadOnly"
	writeOnly = "WriteOnly"
)

// A view is what selectors look at in a record.
type view struct {
	Region     string          `json:"awsRegion"`
	Source     string          `json:"eventSource"`
	Name       string          `json:"eventName"`
	Type       string          `json:"eventType"`
	Category   string          `json:"eventCategory"`
	Recipient  string          `json:"recipientAccountId"`
	ReadOnly   bool            `json:"readOnly"`
	Identity   userIdentity    `json:"userIdentity"`
	Resources  []eventResource `json:"resources"`
	Management bool            `json:"managementEvent"`
}

func viewOf(text []byte) (v view, ok bool) { return v, json.Unmarshal(text, &v) == nil }

// selects reports whether t wants an event of its account.
func (t *trail) selects(v *view) bool {
	if len(t.Advanced) > 0 {
		return slices.ContainsFunc(t.Advanced, func(s api.AdvancedEventSelector) bool {
			return !slices.ContainsFunc(s.FieldSelectors, func(f api.AdvancedFieldSelector) bool { return !holds(&f, v.field(*f.Field)) })
		})
	}
	return slices.ContainsFunc(t.selectors(), func(s api.EventSelector) bool { return selects(&s, v) })
}

// selects reports whether a basic selector wants an event.
func selects(s *api.EventSelector, v *view) bool {
	if *s.ReadWriteType == readOnly && !v.ReadOnly || *s.ReadWriteType == writeOnly && v.ReadOnly {
		return false
	}
	if v.Management {
		return *s.IncludeManagementEvents && !slices.Contains(s.ExcludeManagementEventSources, v.Source)
	}
	for _, want := range s.DataResources {
		for _, r := range v.Resources {
			if r.Type == *want.Type && slices.ContainsFunc(want.Values, func(value string) bool { return covers(r.Type, value, r.ARN) }) {
				return true
			}
		}
	}
	return false
}

// covers reports whether a value of a basic selector means a resource.
//
// AWS: DataResource: of a service's ARN without more, all; of a function, that
// one; of objects, all whose ARNs begin so.
func covers(kind, value, arn string) bool {
	if strings.Count(value, ":") == 2 { // arn:aws:lambda
		return strings.HasPrefix(arn, value+":")
	}
	if kind == dataFunction {
		return arn == value
	}
	return strings.HasPrefix(arn, value)
}

// field is what an advanced selector compares.
func (v *view) field(name string) []string {
	switch name {
	case "eventCategory":
		return []string{v.Category}
	case "eventSource":
		return []string{v.Source}
	case "eventName":
		return []string{v.Name}
	case "eventType":
		return []string{v.Type}
	case "userIdentity.arn":
		return []string{v.Identity.ARN}
	case "readOnly":
		if v.ReadOnly {
			return []string{"true"}
		}
		return []string{"false"}
	}
	// Of several resources the first is what the event is about.
	if len(v.Resources) == 0 {
		return []string{""}
	}
	if name == "resources.type" {
		return []string{v.Resources[0].Type}
	}
	return []string{v.Resources[0].ARN}
}

// holds reports whether what an advanced selector says is true of values: each of
// its operators, by one of what each names; of those that begin with Not, by none.
func holds(f *api.AdvancedFieldSelector, values []string) bool {
	of := func(list []string, test func(a, b string) bool) (found bool) {
		return slices.ContainsFunc(values, func(v string) bool { return slices.ContainsFunc(list, func(w string) bool { return test(v, w) }) })
	}
	same := func(a, b string) bool { return a == b }
	return (f.Equals == nil || of(f.Equals, same)) && !of(f.NotEquals, same) &&
		(f.StartsWith == nil || of(f.StartsWith, strings.HasPrefix)) && !of(f.NotStartsWith, strings.HasPrefix) &&
		(f.EndsWith == nil || of(f.EndsWith, strings.HasSuffix)) && !of(f.NotEndsWith, strings.HasSuffix)
}

// dataTypes are the types of data events that t may want.
func (t *trail) dataTypes() []string {
	var list []string
	for _, s := range t.Advanced {
		for _, f := range s.FieldSelectors {
			if *f.Field == "resources.type" {
				list = append(list, f.Equals...)
			}
		}
	}
	for _, s := range t.Basic {
		for _, r := range s.DataResources {
			list = append(list, *r.Type)
		}
	}
	return list
}

// PutEventSelectors says which events a trail delivers.
func (s *Service) PutEventSelectors(ctx context.Context, in *api.PutEventSelectorsInput) (*api.PutEventSelectorsResponse, error) {
	basic, advanced := in.EventSelectors, in.AdvancedEventSelectors
	if (len(basic) == 0) == (len(advanced) == 0) {
		return nil, api.InvalidEventSelectorsException("Specify event selectors, or advanced event selectors, but not both.")
	}
	if err := checkBasic(basic); err != nil {
		return nil, err
	}
	if err := checkAdvanced(advanced); err != nil {
		return nil, err
	}
	t, err := s.edit(ctx, *in.TrailName, func(t *trail) error {
		t.Basic, t.Advanced = basic, advanced
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutEventSelectorsResponse{TrailARN: new(t.arn()), EventSelectors: t.selectors(), AdvancedEventSelectors: t.Advanced}, nil
}

// checkBasic refuses selectors that cannot act, and fills in what they leave out.
func checkBasic(list []api.EventSelector) error {
	if len(list) > maxSelectors {
		return api.InvalidEventSelectorsException("A trail may have 5 event selectors.")
	}
	resources := 0
	for i := range list {
		s := &list[i]
		if s.ReadWriteType == nil {
			s.ReadWriteType = new(allEvents)
		}
		if s.IncludeManagementEvents == nil {
			s.IncludeManagementEvents = new(true)
		}
		for _, source := range s.ExcludeManagementEventSources {
			// AWS: EventSelector: the values that are possible.
			if source != "kms.amazonaws.com" && source != "rdsdata.amazonaws.com" {
				return api.InvalidEventSelectorsException("ExcludeManagementEventSources may name kms.amazonaws.com and rdsdata.amazonaws.com.")
			}
		}
		if s.ExcludeManagementEventSources == nil {
			s.ExcludeManagementEventSources = []string{}
		}
		if s.DataResources == nil {
			s.DataResources = []api.DataResource{}
		}
		for _, r := range s.DataResources {
			resources += len(r.Values)
			if err := checkResource(&r); err != nil {
				return err
			}
		}
	}
	if resources > maxResources {
		return api.InvalidEventSelectorsException("The event selectors of a trail may name 250 data resources.")
	}
	return nil
}

func checkResource(r *api.DataResource) error {
	service, ok := dataServices()[str(r.Type)]
	if !ok {
		return noDataType.refuse()
	}
	if len(r.Values) == 0 {
		return api.InvalidEventSelectorsException("The data resource of type " + *r.Type + " needs values.")
	}
	for _, value := range r.Values {
		parts := strings.SplitN(value, ":", 4)
		if len(parts) < 3 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != service {
			return api.InvalidEventSelectorsException("Value " + value + " for DataResources.Values is invalid for the type " + *r.Type + ".")
		}
	}
	return nil
}

// checkAdvanced refuses advanced selectors that cannot act.
func checkAdvanced(list []api.AdvancedEventSelector) error {
	conditions := 0
	for _, s := range list {
		category, kind := "", ""
		for _, f := range s.FieldSelectors {
			n := len(f.Equals) + len(f.NotEquals) + len(f.StartsWith) + len(f.NotStartsWith) + len(f.EndsWith) + len(f.NotEndsWith)
			if n == 0 {
				return api.InvalidEventSelectorsException("The field selector for " + *f.Field + " needs an operator with a value.")
			}
			conditions += n
			only := len(f.Equals) == 1 && n == 1
			switch *f.Field {
			case "eventCategory":
				if !only || f.Equals[0] != categoryManagement && f.Equals[0] != categoryData {
					return api.InvalidEventSelectorsException("eventCategory must equal Management or Data.")
				}
				category = f.Equals[0]
			case "resources.type":
				if !only {
					return api.InvalidEventSelectorsException("resources.type must equal one type.")
				}
				kind = f.Equals[0]
			case "readOnly":
				if !only || f.Equals[0] != "true" && f.Equals[0] != "false" {
					return api.InvalidEventSelectorsException("readOnly must equal true or false.")
				}
			case "eventName", "eventSource", "eventType", "resources.ARN", "userIdentity.arn":
			default:
				return api.InvalidEventSelectorsException("The field " + *f.Field + " cannot be selected by.")
			}
		}
		_, known := dataServices()[kind]
		switch {
		case category == "":
			return api.InvalidEventSelectorsException("An advanced event selector must have a field selector for eventCategory.")
		case category == categoryManagement && kind != "", category == categoryData && kind == "":
			return api.InvalidEventSelectorsException("An advanced event selector must have a field selector for resources.type if it is for data events, and only then.")
		case category == categoryData && !known:
			return noDataType.refuse()
		}
	}
	if conditions > maxConditions {
		return api.InvalidEventSelectorsException("The advanced event selectors of a trail may have 500 values.")
	}
	return nil
}

// GetEventSelectors tells which events a trail delivers.
func (s *Service) GetEventSelectors(ctx context.Context, in *api.GetEventSelectorsInput) (*api.GetEventSelectorsResponse, error) {
	t, _, err := s.find(ctx, *in.TrailName)
	if err != nil {
		return nil, err
	}
	return &api.GetEventSelectorsResponse{TrailARN: new(t.arn()), EventSelectors: t.selectors(), AdvancedEventSelectors: t.Advanced}, nil
}

// selectors are the basic selectors of t, the one that stands for none among them;
// none if it has advanced ones.
func (t *trail) selectors() []api.EventSelector {
	switch {
	case len(t.Advanced) > 0:
		return nil
	case len(t.Basic) > 0:
		return t.Basic
	}
	return []api.EventSelector{{ReadWriteType: new(allEvents), IncludeManagementEvents: new(true), DataResources: []api.DataResource{}, ExcludeManagementEventSources: []string{}}}
}
