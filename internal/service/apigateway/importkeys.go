package apigateway

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Import of API keys from a file.
//
// AWS: "API Gateway API key file format". What happens to a line that cannot be
// is told by the API reference of ImportApiKeys: the whole import is undone if
// failonwarnings is true. None of the texts is documented.

// A keyLine is one key of the file.
type keyLine struct {
	line  int
	key   api.ApiKey
	plans []string
}

// maxKeyErrors bounds how many faults of a file are told.
const maxKeyErrors = 100

// ImportApiKeys creates the keys of a file, and changes those whose value is
// known. All lines are checked before the first is done. Lines are done in
// commits of many: if the store fails between two of them, those before it
// stay done, and the same import may be made again.
func (s *Service) ImportApiKeys(ctx context.Context, in *api.ImportApiKeysInput) (*api.ApiKeyIds, error) {
	t := s.tables(ctx)
	lines, faults, err := readKeyFile(in.Body)
	if err != nil {
		return nil, err
	}
	lines, more, err := s.checkKeyLines(ctx, t, lines)
	if err != nil {
		return nil, err
	}
	faults = append(faults, more...)
	if len(faults) > maxKeyErrors {
		faults = append(faults[:maxKeyErrors], "More were found than are listed here.")
	}
	if is(in.FailOnWarnings) && len(faults) > 0 {
		return nil, api.BadRequestException("Errors found during import:\n\t" + strings.Join(faults, "\n\t"))
	}
	out := &api.ApiKeyIds{Ids: []string{}, Warnings: faults}
	for len(lines) > 0 {
		var ids []string
		err := s.commit(ctx, func(c *store.Change) error {
			ids = nil
			for _, l := range lines {
				if len(ids) > 0 && max(len(c.Ops), len(c.Ifs))+keyLineCost > store.MaxOps {
					break
				}
				id, err := s.importKey(ctx, c, t, l)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out.Ids = append(out.Ids, ids...)
		lines = lines[len(ids):]
	}
	return out, nil
}

// keyLineCost is what a line adds to a commit at most: a key with its value,
// and ten plans with its place in each.
const keyLineCost = 2 + 2*maxLinePlans

// maxLinePlans bounds the usage plans of one line. AWS: a key has at most ten.
const maxLinePlans = 10

// readKeyFile reads the lines of a file. A line that is no key is told in
// faults and left out; of two lines with one value the last counts.
func readKeyFile(body []byte) (lines []keyLine, faults []string, err error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.LazyQuotes = -1, true, true
	header, err := r.Read()
	if err != nil {
		return nil, nil, api.BadRequestException("Unable to read the API keys: the file is not CSV")
	}
	columns := map[string]int{}
	for i, name := range header {
		columns[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range []string{"name", "key"} {
		if _, ok := columns[name]; !ok {
			return nil, nil, api.BadRequestException("Unable to read the API keys: the file has no column '" + name + "'")
		}
	}
	at := map[string]int{}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return lines, faults, nil
		}
		if err != nil {
			return nil, nil, api.BadRequestException("Unable to read the API keys: the file is not CSV")
		}
		line, _ := r.FieldPos(0)
		l, fault := readKeyLine(columns, joinQuoted(fields))
		if fault != "" {
			faults = append(faults, lineFault(line, fault))
			continue
		}
		l.line = line
		if i, ok := at[*l.key.Value]; ok {
			lines[i] = l
			continue
		}
		at[*l.key.Value] = len(lines)
		lines = append(lines, l)
	}
}

func lineFault(line int, why string) string { return "Line " + strconv.Itoa(line) + ": " + why }

// joinQuoted puts together what stood in single quotes, which CSV does not
// know.
func joinQuoted(fields []string) []string {
	var out []string
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		if strings.HasPrefix(f, "'") {
			for end := i; end < len(fields); end++ {
				if joined := strings.Join(fields[i:end+1], ","); len(joined) > 1 && strings.HasSuffix(strings.TrimSpace(joined), "'") {
					f, i = strings.Trim(strings.TrimSpace(joined), "'"), end
					break
				}
			}
		}
		out = append(out, f)
	}
	return out
}

// readKeyLine makes a key of the fields of a line, or says why it cannot.
func readKeyLine(columns map[string]int, fields []string) (l keyLine, fault string) {
	get := func(name string) string {
		if i, ok := columns[name]; ok && i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	l.key = api.ApiKey{Name: text(new(get("name"))), Value: new(get("key")), Description: text(new(get("description"))), Enabled: new(true)}
	switch enabled := strings.ToLower(get("enabled")); enabled {
	case "", "true":
	case "false":
		l.key.Enabled = new(false)
	default:
		return l, "Invalid value of Enabled, must be true or false"
	}
	for plan := range strings.SplitSeq(get("usageplanids"), ",") {
		if plan = strings.TrimSpace(plan); plan != "" && !slices.Contains(l.plans, plan) {
			l.plans = append(l.plans, plan)
		}
	}
	if len(l.plans) > maxLinePlans {
		return l, "Too many usage plans"
	}
	if err := checkAPIKey(&l.key); err != nil {
		return l, messageOf(err)
	}
	return l, ""
}

// messageOf is what an error tells a caller.
func messageOf(err error) string {
	if e, ok := errors.AsType[*awsrpc.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// checkKeyLines leaves out the lines that the store cannot take, and says why.
func (s *Service) checkKeyLines(ctx context.Context, t record.Tables, lines []keyLine) (good []keyLine, faults []string, err error) {
	have, err := ids(ctx, s.st, t.APIKeys)
	if err != nil {
		return nil, nil, err
	}
	known, err := ids(ctx, s.st, t.APIKeyValues)
	if err != nil {
		return nil, nil, err
	}
	values := make(map[string]bool, len(known))
	for _, id := range known {
		values[id[0]] = true
	}
	count := len(have)
	for _, l := range lines {
		isNew := !values[valueID(*l.key.Value)]
		if isNew && count >= s.opt.Limits.APIKeys {
			return nil, nil, errLimit("API Keys")
		}
		var c store.Change // not committed
		if len(l.plans) > 0 {
			_, err = s.importKey(ctx, &c, t, l)
		}
		if _, refused := errors.AsType[*awsrpc.Error](err); refused {
			faults = append(faults, lineFault(l.line, messageOf(err)))
			err = nil
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if isNew {
			count++
		}
		good = append(good, l)
	}
	return good, faults, nil
}

// importKey adds one line to c: a new key, or a change of the one that has the
// value. It returns the key's id.
func (s *Service) importKey(ctx context.Context, c *store.Change, t record.Tables, l keyLine) (string, error) {
	value := valueID(*l.key.Value)
	owner, rev, err := t.APIKeyValues.Find(ctx, nil, value)
	if err != nil {
		return "", err
	}
	shown := now()
	key := record.APIKey{Scope: t.Scope, Created: time.Now().UTC(), ApiKey: l.key}
	if rev == 0 {
		key.Id, key.CreatedDate, key.StageKeys = new(newID(apiIDLen)), shown, []string{}
		c.Require(t.APIKeyValues.Absent(value))
		c.Require(t.APIKeys.Absent(*key.Id))
		store.Add(c, t.APIKeyValues, value, record.APIKeyValue{APIKey: *key.Id})
	} else {
		old, keyRev, err := t.APIKeys.Find(ctx, errAPIKey(), owner.APIKey)
		if err != nil {
			return "", err
		}
		key = old
		key.Name, key.Description, key.Enabled = l.key.Name, l.key.Description, l.key.Enabled
		c.Require(t.APIKeys.Is(*key.Id, keyRev))
	}
	key.LastUpdatedDate = shown
	store.Add(c, t.APIKeys, *key.Id, key)
	return *key.Id, s.importMemberships(ctx, c, t, &key, rev == 0, l.plans)
}

// importMemberships puts a key into plans; those it is in already stay.
func (s *Service) importMemberships(ctx context.Context, c *store.Change, t record.Tables, key *record.APIKey, isNew bool, plans []string) error {
	for i, id := range plans {
		plan, rev, err := t.UsagePlans.Find(ctx, errUsagePlan(), id)
		if err != nil {
			return err
		}
		c.Require(t.UsagePlans.Is(id, rev))
		member := store.ID(id, *key.Id)
		if !isNew {
			if _, rev, err := t.UsagePlanKeys.Find(ctx, nil, id, *key.Id); err != nil || rev != 0 {
				if err != nil {
					return err
				}
				continue
			}
			if err := s.checkPlansOfKey(ctx, t, *key.Id, &plan); err != nil {
				return err
			}
		}
		for _, earlier := range plans[:i] {
			if err := requireUnplanned(ctx, t, *key.Id, earlier, plan.ApiStages); err != nil {
				return err
			}
		}
		c.Require(t.UsagePlanKeys.Absent(member))
		store.Add(c, t.UsagePlanKeys, member, record.UsagePlanKey{UsagePlan: id, APIKey: *key.Id, Type: usagePlanKeyType, Scope: t.Scope, Created: time.Now().UTC()})
	}
	return nil
}
