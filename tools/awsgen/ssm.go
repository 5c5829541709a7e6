package main

// ssmOperations are those that Gatehouse means to answer: the parameter store.
func ssmOperations() []string {
	return []string{
		"AddTagsToResource", "DeleteParameter", "DeleteParameters", "DescribeParameters", "GetParameter", "GetParameterHistory", "GetParameters",
		"GetParametersByPath", "ListTagsForResource", "PutParameter", "RemoveTagsFromResource",
	}
}
