package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/rollup"
)

// Bounds of PutMetricData.
//
// AWS: API reference of PutMetricData and MetricDatum.
const (
	maxData       = 1000
	maxValues     = 150
	dataPast      = 14 * 24 * time.Hour
	dataFuture    = 2 * time.Hour
	minuteSeconds = 60
)

// maxMagnitude is the largest value of a metric.
//
// AWS: "Values must be in the range of -2^360 to 2^360".
var maxMagnitude = math.Ldexp(1, 360)

// PutMetricData keeps points of metrics.
func (s *Service) PutMetricData(ctx context.Context, in *api.PutMetricDataInput) error {
	if len(in.EntityMetricData) > 0 {
		return refuse("EntityMetricData", "metrics belong to no entities")
	}
	if len(in.MetricData) == 0 {
		return api.MissingRequiredParameterException("The parameter MetricData is required.")
	}
	if len(in.MetricData) > maxData {
		return api.InvalidParameterValueException(fmt.Sprintf("The collection MetricData must not have a size greater than %d.", maxData))
	}
	at := placeOf(awsrpc.CallerFrom(ctx))
	samples := make([]rollup.Sample, 0, len(in.MetricData))
	now := time.Now()
	for i := range in.MetricData {
		d := &in.MetricData[i]
		name := "MetricData.member." + strconv.Itoa(i+1)
		when := value(d.Timestamp)
		if d.Timestamp == nil {
			when = now
		}
		if when.Before(now.Add(-dataPast)) || when.After(now.Add(dataFuture)) {
			return api.InvalidParameterValueException("The parameter " + name + ".Timestamp must specify a time no more than two weeks in the past, and no more than two hours in the future.")
		}
		if r := value(d.StorageResolution); r != 0 && r != minuteSeconds {
			return refuse(name+".StorageResolution", "one point a minute is kept: it can only be 60")
		}
		p, err := pointOf(d, name)
		if err != nil {
			return err
		}
		unit := str(d.Unit)
		if unit == "" {
			unit = api.StandardUnitNone
		}
		samples = append(samples, rollup.Sample{
			Source: at.source(in.Namespace, d.Dimensions), At: when,
			Values: []rollup.Value{{Metric: rollup.Metric{Name: str(d.MetricName), Unit: unit}, Point: p}},
		})
	}
	return asAnswer(s.points.Put(samples))
}

// asAnswer is what the client is told of an error of the store of points.
func asAnswer(err error) error {
	switch {
	case errors.Is(err, rollup.ErrTooMany):
		return api.LimitExceededFault("There are as many metrics as this server keeps: the setting max-metrics is the limit.")
	case errors.Is(err, rollup.ErrFull):
		return &awsrpc.Error{Code: "ServiceUnavailable", Status: 503, Message: "The data cannot be written to disk at the moment."}
	}
	return err
}

// pointOf is the point of a datum.
//
// AWS: the texts are recorded (LocalStack's tests of put_metric_data against
// AWS: "mutually exclusive", "must be of the same size", "is invalid").
func pointOf(d *api.MetricDatum, name string) (rollup.Point, error) {
	var p rollup.Point
	given := 0
	for what, is := range map[string]bool{"Value": d.Value != nil, "StatisticValues": d.StatisticValues != nil, "Values": len(d.Values) > 0} {
		if is {
			given++
		} else if what == "Values" && len(d.Counts) > 0 {
			return p, api.MissingRequiredParameterException("The parameter " + name + ".Values is required when Counts is specified.")
		}
	}
	switch {
	case given == 0:
		return p, api.MissingRequiredParameterException("At least one of the parameters must be specified: " + name + ".Value, " + name + ".Values, " + name + ".StatisticValues.")
	case d.Value != nil && len(d.Values) > 0:
		return p, exclusive(name, "Value", "Values")
	case d.Value != nil && d.StatisticValues != nil:
		return p, exclusive(name, "Value", "StatisticValues")
	case given > 1:
		return p, exclusive(name, "Values", "StatisticValues")
	}
	if set := d.StatisticValues; set != nil {
		return setPoint(set, name+".StatisticValues")
	}
	if d.Value != nil {
		return rollup.PointOf(*d.Value, 1), checkNumber(*d.Value, name+".Value")
	}
	if len(d.Values) > maxValues {
		return p, api.InvalidParameterValueException(fmt.Sprintf("The collection %s.Values must not have a size greater than %d.", name, maxValues))
	}
	if len(d.Counts) > 0 && len(d.Counts) != len(d.Values) {
		return p, api.InvalidParameterValueException("The parameters " + name + ".Values and " + name + ".Counts must be of the same size.")
	}
	for i, v := range d.Values {
		if err := checkNumber(v, fmt.Sprintf("%s.Values.member.%d", name, i+1)); err != nil {
			return p, err
		}
		count := 1.0
		if len(d.Counts) > 0 {
			count = d.Counts[i]
			if err := checkCount(count, fmt.Sprintf("%s.Counts.member.%d", name, i+1)); err != nil {
				return p, err
			}
		}
		p.AddValue(v, count)
	}
	return p, nil
}

func exclusive(name, a, b string) error {
	return api.InvalidParameterCombinationException("The parameters " + name + "." + a + " and " + name + "." + b + " are mutually exclusive and you have specified both.")
}

// setPoint is the point of values of which only these are known.
func setPoint(set *api.StatisticSet, name string) (rollup.Point, error) {
	p := rollup.Point{Count: value(set.SampleCount), Sum: value(set.Sum), Min: value(set.Minimum), Max: value(set.Maximum)}
	for _, n := range []struct {
		what string
		v    float64
	}{{"Sum", p.Sum}, {"Minimum", p.Min}, {"Maximum", p.Max}} {
		if err := checkNumber(n.v, name+"."+n.what); err != nil {
			return p, err
		}
	}
	if p.Min > p.Max {
		return p, api.InvalidParameterValueException("The parameter " + name + ".Maximum must be greater than " + name + ".Minimum.")
	}
	return p, checkCount(p.Count, name+".SampleCount")
}

func checkNumber(v float64, name string) error {
	if math.IsNaN(v) || math.Abs(v) > maxMagnitude {
		return api.InvalidParameterValueException(fmt.Sprintf("The value %v for parameter %s is invalid.", v, name))
	}
	return nil
}

func checkCount(v float64, name string) error {
	if math.IsNaN(v) || v <= 0 || v > maxMagnitude {
		return api.InvalidParameterValueException(fmt.Sprintf("The value %v for parameter %s is invalid.", v, name))
	}
	return nil
}
