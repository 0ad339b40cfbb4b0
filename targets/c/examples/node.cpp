// A controller in the style of a ROS 2 node: parameters, a subscription, a publisher and a timer at the policy's
// period. With ROS 2 (rclcpp, std_msgs) it is one; without it, the same class is driven from standard input, so that
// it builds and can be tried anywhere.
//
//   echo '0.1 0.2 0.3' | ./node policy.lace
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "lacewing.h"

#if __has_include(<rclcpp/rclcpp.hpp>)
#include <rclcpp/rclcpp.hpp>
#include <std_msgs/msg/float32_multi_array.hpp>
#define WITH_ROS 1
#endif

/// A policy that ends when it goes out of scope.
class Policy {
  public:
    explicit Policy(const std::string &path) {
        LacewingPolicy *loaded = nullptr;
        if (lacewing_load(path.c_str(), &loaded) != LACEWING_STATUS_OK) throw std::runtime_error(lacewing_error());
        policy_.reset(loaded);
    }

    /// The action, in the driver's units; throws where a sensor says what it cannot.
    std::vector<float> act(const std::vector<float> &observation) {
        std::vector<float> action(lacewing_actions(policy_.get()));
        const auto status =
            lacewing_act(policy_.get(), observation.data(), observation.size(), action.data(), action.size());
        if (status != LACEWING_STATUS_OK) throw std::runtime_error(lacewing_error());
        return action;
    }

    double period() const { return lacewing_period(policy_.get()); }

  private:
    struct Free {
        void operator()(LacewingPolicy *policy) const { lacewing_free(policy); }
    };
    std::unique_ptr<LacewingPolicy, Free> policy_;
};

#ifdef WITH_ROS
using Numbers = std_msgs::msg::Float32MultiArray;

class Controller : public rclcpp::Node {
  public:
    Controller() : Node("lacewing"), policy_(declare_parameter<std::string>("policy")) {
        publisher_ = create_publisher<Numbers>("command", 1);
        subscription_ = create_subscription<Numbers>(
            "observation", rclcpp::SensorDataQoS(), [this](Numbers::ConstSharedPtr seen) { newest_ = seen; });
        timer_ = rclcpp::create_timer(this, get_clock(), rclcpp::Duration::from_seconds(policy_.period()), [this] {
            if (!newest_) return;
            try {
                Numbers command;
                command.data = policy_.act(newest_->data);
                publisher_->publish(command);
            } catch (const std::exception &error) {
                // Nothing is sent; what drives the joints has to hold them where no command comes.
                RCLCPP_ERROR_THROTTLE(get_logger(), *get_clock(), 1000, "%s", error.what());
            }
        });
    }

  private:
    Policy policy_;
    Numbers::ConstSharedPtr newest_;
    rclcpp::Publisher<Numbers>::SharedPtr publisher_;
    rclcpp::Subscription<Numbers>::SharedPtr subscription_;
    rclcpp::TimerBase::SharedPtr timer_;
};

int main(int argc, char **argv) {
    rclcpp::init(argc, argv);
    rclcpp::spin(std::make_shared<Controller>());
    rclcpp::shutdown();
}
#else
int main(int argc, char **argv) try {
    if (argc != 2) throw std::runtime_error("usage: node POLICY");
    Policy policy(argv[1]);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream numbers(line);
        std::vector<float> observation;
        for (float number; numbers >> number;) observation.push_back(number);
        const char *separator = "";
        for (float number : policy.act(observation)) {
            std::printf("%s%.9g", separator, number);
            separator = " ";
        }
        std::printf("\n");
    }
} catch (const std::exception &error) {
    std::fprintf(stderr, "node: %s\n", error.what());
    return 1;
}
#endif
