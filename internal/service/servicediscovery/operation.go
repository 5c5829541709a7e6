package servicediscovery

import (
	"context"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// begin adds the record of an operation to the commit that does what it is
// about: it has succeeded when anybody can see it. Ids are in the order of time.
func begin(c *store.Change, t *tables, kind string, targets map[string]string) string {
	id := record.NewID(24) + "-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	store.Add(c, t.operations, operationKey(id), api.Operation{
		Id: &id, Type: &kind, Status: new("SUCCESS"), CreateDate: now(), UpdateDate: now(), Targets: targets,
	})
	return id
}

// operationKey puts the time first, so that the oldest are found first.
func operationKey(id string) string {
	random, at, _ := strings.Cut(id, "-")
	return store.ID(at + "-" + random)
}

// GetOperation returns an operation.
func (s *Service) GetOperation(ctx context.Context, in *api.GetOperationInput) (*api.GetOperationResponse, error) {
	op, _, err := s.tables(ctx).operations.Get(ctx, operationKey(str(in.OperationId)))
	if err != nil {
		return nil, notThere(err, api.OperationNotFound("Operation not found"))
	}
	return &api.GetOperationResponse{Operation: &op}, nil
}

// ListOperations lists operations, the newest first.
func (s *Service) ListOperations(ctx context.Context, in *api.ListOperationsInput) (*api.ListOperationsResponse, error) {
	rows, err := s.tables(ctx).operations.All(ctx)
	if err != nil {
		return nil, err
	}
	var list []api.OperationSummary
	for i := len(rows) - 1; i >= 0; i-- {
		op := &rows[i].Value
		ok, err := matchesAll(in.Filters, func(f *api.OperationFilter) (bool, error) {
			switch str(f.Name) {
			case "NAMESPACE_ID":
				return matches(f.Condition, f.Values, op.Targets["NAMESPACE"])
			case "SERVICE_ID":
				return matches(f.Condition, f.Values, op.Targets["SERVICE"])
			case "STATUS":
				return matches(f.Condition, f.Values, str(op.Status))
			case "TYPE":
				return matches(f.Condition, f.Values, str(op.Type))
			case "UPDATE_DATE": // AWS: a start and an end, in seconds since 1970
				return matches(f.Condition, f.Values, strconv.FormatInt(op.UpdateDate.Unix(), 10))
			}
			return false, bad("Unknown filter " + str(f.Name))
		})
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, api.OperationSummary{Id: op.Id, Status: op.Status})
		}
	}
	out := &api.ListOperationsResponse{}
	out.Operations, out.NextToken, err = page(list, func(o *api.OperationSummary) string { return str(o.Id) }, in.NextToken, in.MaxResults)
	return out, err
}

// pruneOperations removes the oldest of those of a scope that are too many.
func (s *Service) pruneOperations(ctx context.Context, sc record.Scope) error {
	t := tablesOf(s.st, sc)
	rows, err := t.operations.All(ctx)
	if err != nil {
		return err
	}
	for len(rows) > maxOperationsOld {
		n := min(len(rows)-maxOperationsOld, 100) // operations of one commit
		var c store.Change
		for _, row := range rows[:n] {
			c.Do(t.operations.Delete(row.ID))
		}
		if _, err := s.st.Commit(ctx, nil, c.Ops); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
