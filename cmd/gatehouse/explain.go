package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/policy"
)

// A question is which request to a method is to be explained.
type question struct {
	api, stage, method, path string
	as, sourceIP             string
}

func (q *question) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.api, "api", "", "`ID` of the API")
	cmd.Flags().StringVar(&q.stage, "stage", "prod", "`STAGE` that is called")
	cmd.Flags().StringVar(&q.method, "method", http.MethodGet, "HTTP `METHOD`")
	cmd.Flags().StringVar(&q.path, "path", "/", "`PATH` that is called, without the stage")
	cmd.Flags().StringVar(&q.sourceIP, "source-ip", "", "`ADDRESS` that the request comes from")
}

// newExplain returns the command that tells what decides about a request.
func newExplain() *cobra.Command {
	var to target
	var q question
	cmd := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Tell who may make a request to a method, and which policy decides",
		Long: "Tells whether a request would be let in, and which policy decides: the caller's, the API's, or none.\n" +
			"Without --as the request is not signed. The API is taken as it is defined now; what a stage serves\n" +
			"is what was deployed last. With the id of a request that was refused it tells how that ended, and what\n" +
			"decides about the same request now.",
		Example: "  gatehouse explain --api a1b2c3 --method GET --path /pets/7 --as arn:aws:iam::000000000000:user/ann\n" +
			"  gatehouse explain 3d673e5a-06ef-47ca-8126-68fc746cd9d7",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				admin := adminTarget{data: to.data}
				rec, err := admin.recording(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				rec.Steps = nil
				if err := printRecording(cmd.OutOrStdout(), rec); err != nil || rec.API == "" || !strings.Contains(rec.Route, " /") {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout())
				q = question{api: rec.API, stage: rec.Stage, method: rec.Method, path: rec.Path, as: rec.Caller, sourceIP: rec.SourceIP}
				to.region = rec.Region
			}
			return q.answer(cmd.Context(), &to, func(c *client, m *guarded, w io.Writer) error {
				text, err := m.explain(cmd.Context(), c, q.as)
				if err == nil {
					_, err = fmt.Fprintln(w, text)
				}
				return err
			}, cmd.OutOrStdout())
		},
	}
	q.register(cmd)
	cmd.Flags().StringVar(&q.as, "as", "", "`ARN` of the user or role that signs")
	to.register(cmd)
	return cmd
}

// newWhoCanCall returns the command that asks for all users and roles.
func newWhoCanCall() *cobra.Command {
	var to target
	var q question
	cmd := &cobra.Command{
		Use:   "who-can-call",
		Short: "List who may call a method",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return q.answer(cmd.Context(), &to, func(c *client, m *guarded, w io.Writer) error {
				return m.everybody(cmd.Context(), c, w)
			}, cmd.OutOrStdout())
		},
	}
	q.register(cmd)
	to.register(cmd)
	return cmd
}

// answer finds the method and lets say answer.
func (q *question) answer(ctx context.Context, to *target, say func(*client, *guarded, io.Writer) error, w io.Writer) error {
	if q.api == "" {
		return usageError{errors.New("say which API with --api")}
	}
	c, err := to.connect(ctx, 0)
	if err != nil {
		return err
	}
	m, err := q.find(ctx, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %s, authorization %s%s\n", m.Verb, m.Path, m.AuthorizationType, m.extra())
	return say(c, m, w)
}

// A guarded is a method with what guards it.
type guarded struct {
	Path, Verb        string
	AuthorizationType string
	ApiKeyRequired    bool //nolint:revive // as the API spells it
	policy            string
	arn, sourceIP     string
}

func (m *guarded) extra() string {
	s := ""
	if m.ApiKeyRequired {
		s += ", an API key"
	}
	if m.policy != "" {
		s += ", a resource policy"
	}
	return s
}

// find looks up the method that a path leads to, and the API's policy.
func (q *question) find(ctx context.Context, c *client) (*guarded, error) {
	base := "/restapis/" + url.PathEscape(q.api)
	var api struct{ Policy string }
	if err := c.do(ctx, call{method: http.MethodGet, path: base}, &api); err != nil {
		return nil, err
	}
	var best *guarded
	for position := ""; ; {
		var page struct {
			Item []struct {
				Path            string
				ResourceMethods map[string]guarded
			}
			Position string
		}
		err := c.do(ctx, call{method: http.MethodGet, path: base + "/resources?limit=500&embed=methods&position=" + url.QueryEscape(position)}, &page)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Item {
			for _, verb := range []string{q.method, "ANY"} {
				m, ok := r.ResourceMethods[verb]
				if ok && leadsTo(r.Path, q.path) && (best == nil || closer(r.Path, best.Path)) {
					m.Path, m.Verb = r.Path, verb
					best = &m
				}
			}
		}
		if position = page.Position; position == "" {
			break
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no method of API %s answers to %s %s: callers get 403 Missing Authentication Token", q.api, q.method, q.path)
	}
	if api.Policy != "" { // JSON, escaped once more
		if err := json.Unmarshal([]byte(`"`+api.Policy+`"`), &best.policy); err != nil {
			return nil, fmt.Errorf("the API's policy: %w", err)
		}
	}
	account, err := c.account(ctx)
	best.arn = "arn:aws:execute-api:" + c.region + ":" + account + ":" + q.api + "/" + q.stage + "/" + q.method + "/" + strings.TrimPrefix(q.path, "/")
	best.sourceIP = q.sourceIP
	return best, err
}

// leadsTo reports whether a resource's path answers to a path.
func leadsTo(resource, path string) bool {
	want, have := strings.Split(strings.Trim(resource, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	for i, seg := range want {
		if strings.HasSuffix(seg, "+}") {
			return len(have) > i
		}
		if i >= len(have) || seg != have[i] && !strings.HasPrefix(seg, "{") {
			return false
		}
	}
	return len(want) == len(have)
}

// closer reports whether a path is tried before another: text before {name},
// and {name} before {name+}.
func closer(a, b string) bool {
	rank := func(path string) string {
		var s strings.Builder
		for seg := range strings.SplitSeq(path, "/") {
			switch {
			case strings.HasSuffix(seg, "+}"):
				s.WriteByte('3')
			case strings.HasPrefix(seg, "{"):
				s.WriteByte('2')
			default:
				s.WriteByte('1')
			}
		}
		return s.String()
	}
	return rank(a) < rank(b)
}

// explain tells what becomes of a request that as signs; empty: nobody does.
func (m *guarded) explain(ctx context.Context, c *client, as string) (string, error) {
	switch {
	case m.AuthorizationType == "AWS_IAM" && as == "":
		return "refused: the request must be signed (give --as)", nil
	case m.AuthorizationType == "AWS_IAM":
		return m.simulate(ctx, c, as)
	case m.AuthorizationType == "CUSTOM":
		return "the Lambda authorizer decides" + m.besides(), nil
	case m.policy == "":
		return "allowed: nothing guards the method but what is named above", nil
	}
	doc, err := policy.Parse([]byte(m.policy))
	if err != nil {
		return "", fmt.Errorf("the API's policy: %w", err)
	}
	d := doc.Evaluate(&policy.Request{Action: "execute-api:Invoke", Resource: m.arn, Now: time.Now(), Keys: m})
	switch d.Effect {
	case policy.Allow:
		return "allowed: the resource policy allows it, statement " + doc.Label(d.Statement), nil
	case policy.Deny:
		return "refused: the resource policy denies it, statement " + doc.Label(d.Statement), nil
	default:
		return "refused: no statement of the resource policy allows it", nil
	}
}

func (m *guarded) besides() string {
	if m.policy != "" {
		return ", together with the resource policy"
	}
	return ""
}

// Key returns the condition keys of an unsigned request, as far as the flags
// tell.
func (m *guarded) Key(name string) (policy.Values, bool) {
	if name == "aws:sourceip" && m.sourceIP != "" {
		return policy.One(m.sourceIP), true
	}
	return policy.Values{}, false
}

// simulate asks IAM.
func (m *guarded) simulate(ctx context.Context, c *client, as string) (string, error) {
	form := url.Values{"PolicySourceArn": {as}, "ActionNames.member.1": {"execute-api:Invoke"}, "ResourceArns.member.1": {m.arn}}
	if m.policy != "" {
		form.Set("ResourcePolicy", m.policy)
	}
	if m.sourceIP != "" {
		form.Set("ContextEntries.member.1.ContextKeyName", "aws:SourceIp")
		form.Set("ContextEntries.member.1.ContextKeyType", "ip")
		form.Set("ContextEntries.member.1.ContextKeyValues.member.1", m.sourceIP)
	}
	text, err := c.query(ctx, "iam", "SimulatePrincipalPolicy", form)
	if err != nil {
		return "", err
	}
	var out struct {
		Results []struct {
			Decision string   `xml:"EvalDecision"`
			Policies []string `xml:"MatchedStatements>member>SourcePolicyId"`
			Missing  []string `xml:"MissingContextValues>member"`
			Boundary string   `xml:"PermissionsBoundaryDecisionDetail>AllowedByPermissionsBoundary"`
		} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	}
	if err := xml.Unmarshal(text, &out); err != nil || len(out.Results) != 1 {
		return "", fmt.Errorf("the answer of SimulatePrincipalPolicy is not understood: %w", err)
	}
	r := out.Results[0]
	s := "refused: no policy allows it"
	switch r.Decision {
	case "allowed":
		s = "allowed"
	case "explicitDeny":
		s = "refused: a policy denies it"
	}
	if len(r.Policies) > 0 {
		s += " (" + strings.Join(r.Policies, ", ") + ")"
	}
	if allowed, err := strconv.ParseBool(r.Boundary); err == nil && !allowed {
		s += "; the permissions boundary does not allow it"
	}
	if len(r.Missing) > 0 {
		s += "; not known: " + strings.Join(r.Missing, ", ")
	}
	return s, nil
}

// everybody lists what becomes of a request of each user and role.
func (m *guarded) everybody(ctx context.Context, c *client, w io.Writer) error {
	if m.AuthorizationType != "AWS_IAM" {
		text, err := m.explain(ctx, c, "")
		if err == nil {
			_, err = fmt.Fprintln(w, "anybody: "+text)
		}
		return err
	}
	for _, kind := range []string{"User", "Role"} {
		for marker := ""; ; {
			form := url.Values{}
			if marker != "" {
				form.Set("Marker", marker)
			}
			text, err := c.query(ctx, "iam", "List"+kind+"s", form)
			if err != nil {
				return err
			}
			var users struct {
				Users []string `xml:"ListUsersResult>Users>member>Arn"`
				Roles []string `xml:"ListRolesResult>Roles>member>Arn"`
				User  string   `xml:"ListUsersResult>Marker"`
				Role  string   `xml:"ListRolesResult>Marker"`
			}
			if err := xml.Unmarshal(text, &users); err != nil {
				return err
			}
			for _, arn := range append(users.Users, users.Roles...) {
				answer, err := m.simulate(ctx, c, arn)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s: %s\n", arn, answer)
			}
			if marker = users.User + users.Role; marker == "" {
				break
			}
		}
	}
	return nil
}
