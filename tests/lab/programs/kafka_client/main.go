// A sarama broker connection: kafka_client ADDRESS READ_TIMEOUT COUNT PAUSE. Asks for metadata, says what each request got.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/Shopify/sarama"
)

func main() {
	config := sarama.NewConfig()
	config.Net.ReadTimeout, _ = time.ParseDuration(os.Args[2])
	count, _ := strconv.Atoi(os.Args[3])
	pause, _ := time.ParseDuration(os.Args[4])
	broker := sarama.NewBroker(os.Args[1])
	if err := broker.Open(config); err != nil {
		fmt.Println("open", err)
	}
	if connected, err := broker.Connected(); !connected {
		fmt.Println("connect", err)
		return
	}
	for i := 0; i < count; i++ {
		time.Sleep(pause)
		_, err := broker.GetMetadata(&sarama.MetadataRequest{})
		fmt.Println("request", i+1, err)
	}
	fmt.Println("close", broker.Close())
}
