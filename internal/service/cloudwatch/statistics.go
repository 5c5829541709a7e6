package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/rollup"
)

// maxStatistics is how many points an answer of GetMetricStatistics has.
const maxStatistics = 1440

// GetMetricStatistics returns statistics of one metric.
func (s *Service) GetMetricStatistics(ctx context.Context, in *api.GetMetricStatisticsInput) (*api.GetMetricStatisticsOutput, error) {
	stats, err := statsOf(in)
	if err != nil {
		return nil, err
	}
	if err := checkPeriod(*in.Period); err != nil {
		return nil, err
	}
	period := time.Duration(*in.Period) * time.Second
	// AWS: the beginning is rounded down to the minute, and the points begin
	// there: those of 23:18 with a period of an hour are at 00:18, 01:18.
	from, to := in.StartTime.Truncate(time.Minute), in.EndTime.Truncate(time.Minute)
	if !from.Before(to) {
		return nil, api.InvalidParameterValueException("The parameter StartTime must be less than the parameter EndTime.")
	}
	// AWS: the text is known from many reports.
	if n := int((to.Sub(from) + period - 1) / period); n > maxStatistics {
		return nil, api.InvalidParameterCombinationException(fmt.Sprintf("You have requested up to %s datapoints, which exceeds the limit of %s. "+
			"You may reduce the datapoints requested by increasing Period, or decreasing the time range.", thousands(n), thousands(maxStatistics)))
	}
	at := placeOf(awsrpc.CallerFrom(ctx))
	series, err := s.points.Read(ctx, at.source(in.Namespace, in.Dimensions), str(in.MetricName), from, to)
	if err != nil {
		return nil, err
	}
	out := &api.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []api.Datapoint{}}
	for i := range series {
		if in.Unit != nil && series[i].Unit != *in.Unit {
			continue
		}
		for _, bin := range bins(series[i].Points, from, period) {
			out.Datapoints = append(out.Datapoints, datapoint(&bin, series[i].Unit, stats))
		}
	}
	return out, nil
}

// thousands writes a number with a comma, as AWS's message does.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// statsOf are the statistics that are asked for.
func statsOf(in *api.GetMetricStatisticsInput) ([]stat, error) {
	if len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0 {
		return nil, api.MissingRequiredParameterException("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	var list []stat
	for _, name := range slices.Concat(in.Statistics, in.ExtendedStatistics) {
		st, ok := parseStat(name)
		if !ok {
			return nil, api.InvalidParameterValueException("The value " + name + " for parameter ExtendedStatistics is not supported.")
		}
		list = append(list, st)
	}
	return list, nil
}

// checkPeriod refuses what is no whole number of minutes.
func checkPeriod(period int32) error {
	if period%60 != 0 || period <= 0 {
		return refuse("Period", fmt.Sprintf("one point a minute is kept: it can only be a multiple of 60, not %d", period))
	}
	return nil
}

// bins adds up points by periods that begin at from.
func bins(points []rollup.Timed, from time.Time, period time.Duration) []rollup.Timed {
	var out []rollup.Timed
	for i := range points {
		p := &points[i]
		at := from.Add(p.At.Sub(from) / period * period)
		if n := len(out); n > 0 && out[n-1].At.Equal(at) {
			out[n-1].Add(&p.Point)
			continue
		}
		out = append(out, rollup.Timed{At: at.UTC(), Point: p.Point})
	}
	return out
}

func datapoint(bin *rollup.Timed, unit string, stats []stat) api.Datapoint {
	d := api.Datapoint{Timestamp: &bin.At, Unit: &unit}
	for i := range stats {
		v, ok := stats[i].of(&bin.Point)
		if !ok {
			continue
		}
		switch stats[i].name {
		case "SampleCount":
			d.SampleCount = &v
		case "Average":
			d.Average = &v
		case "Sum":
			d.Sum = &v
		case "Minimum":
			d.Minimum = &v
		case "Maximum":
			d.Maximum = &v
		default:
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = make(map[string]float64)
			}
			d.ExtendedStatistics[stats[i].name] = v
		}
	}
	return d
}
