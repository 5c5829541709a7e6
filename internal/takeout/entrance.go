package takeout

import (
	"context"
	"net/url"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// entranceStack is the stack of what leads to APIs.
const entranceStack = "entrances"

// entrances takes keys, usage plans and domain names.
func (t *taker) entrances(ctx context.Context) error {
	b := t.builder(entranceStack, "What leads to the APIs of API Gateway: API keys, usage plans, domain names and their mappings.")
	st := Stack{Name: entranceStack, About: "keys, usage plans, domain names", Parameters: map[string]string{}}
	t.opt.Progress("reading keys and usage plans")
	if err := t.keys(ctx, b, &st); err != nil {
		return err
	}
	if err := t.usagePlans(ctx, b); err != nil {
		return err
	}
	t.opt.Progress("reading domain names")
	if err := t.domains(ctx, b); err != nil {
		return err
	}
	if len(b.Resources) > 0 {
		st.Steps = []Template{b.finish()}
		t.out.Stacks = append(t.out.Stacks, st)
	}
	return nil
}

// keys takes API keys, their values only if that was asked for.
func (t *taker) keys(ctx context.Context, b *builder, st *Stack) error {
	path := "/apikeys"
	if t.opt.KeyValues {
		path += "?includeValues=true"
	}
	keys, err := list[api.ApiKey](ctx, t, "API keys", path)
	if err != nil {
		return err
	}
	slices.SortFunc(keys, func(x, y api.ApiKey) int { return strings.Compare(str(x.Name), str(y.Name)) })
	for i := range keys {
		k := keys[i]
		what := "API key " + str(k.Name) + " " + str(k.Id)
		t.ids[str(k.Id)] = reference{stack: b.stack, logical: b.logical(what)}
		p := b.properties("AWS::ApiGateway::ApiKey", what, k, nil, "Id Value CreatedDate LastUpdatedDate StageKeys")
		stages := []any{}
		for _, key := range k.StageKeys {
			id, stage, _ := strings.Cut(key, "/")
			if !t.took(id) {
				t.leave("API key "+str(k.Name)+": API "+id+" stage "+stage, "the API is not taken")
				continue
			}
			stages = append(stages, map[string]any{"RestApiId": id, "StageName": stage})
		}
		if len(stages) > 0 {
			p["StageKeys"] = stages
		}
		if t.opt.KeyValues && k.Value != nil {
			name := b.logical(what) + "Value"
			b.Parameters[name] = Parameter{Type: "String", Description: "the value of the key " + str(k.Name), NoEcho: true}
			st.Parameters[name] = *k.Value
			p["Value"] = ref(name)
		} else {
			t.leave("API key "+str(k.Name)+": value", "it was not asked for: the copy has a new one")
		}
		b.add("AWS::ApiGateway::ApiKey", what, p)
	}
	return nil
}

// took tells whether an API was taken.
func (t *taker) took(id string) bool {
	return slices.ContainsFunc(t.apis, func(a taken) bool { return a.id == id && !a.left })
}

// usagePlans takes usage plans and which keys they have.
func (t *taker) usagePlans(ctx context.Context, b *builder) error {
	plans, err := list[api.UsagePlan](ctx, t, "usage plans", "/usageplans")
	if err != nil {
		return err
	}
	slices.SortFunc(plans, func(x, y api.UsagePlan) int { return strings.Compare(str(x.Name), str(y.Name)) })
	for i := range plans {
		plan := plans[i]
		what := "Usage plan " + str(plan.Name) + " " + str(plan.Id)
		name := "usage plan " + str(plan.Name)
		plan.ApiStages = slices.DeleteFunc(plan.ApiStages, func(s api.ApiStage) bool {
			gone := !t.took(str(s.ApiId))
			if gone {
				t.leave(name+": API "+str(s.ApiId)+" stage "+str(s.Stage), "the API is not taken")
			}
			return gone
		})
		p := b.properties("AWS::ApiGateway::UsagePlan", name, plan, map[string]string{"Name": "UsagePlanName"}, "Id")
		b.add("AWS::ApiGateway::UsagePlan", what, p)
		keys, err := list[api.UsagePlanKey](ctx, t, name+": keys", "/usageplans/"+url.PathEscape(str(plan.Id))+"/keys")
		if err != nil {
			return err
		}
		for _, k := range keys {
			to, ok := t.ids[str(k.Id)]
			if !ok {
				t.leave(name+": key "+str(k.Id), "the key is not taken")
				continue
			}
			b.Resources[b.logical(what+" key "+str(k.Name)+" "+str(k.Id))] = &Resource{Type: "AWS::ApiGateway::UsagePlanKey",
				Properties: map[string]any{"KeyId": ref(to.logical), "KeyType": str(k.Type), "UsagePlanId": ref(b.logical(what))}}
		}
	}
	return nil
}
